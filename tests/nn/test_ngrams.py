"""The set of a text's n-grams: each once, in its words' order, and never of the padding."""

import torch

from dlrun.nn.ngrams import ngram_rows, ngram_set

V = 20


def sets_of(ids: list[list[int]], lengths: list[int], n: int, buckets: int = 10**6) -> list[set[int]]:
    rows, begins = ngram_set(torch.tensor(ids), torch.tensor(lengths), V, n, buckets)
    parts = rows.tensor_split(begins[1:])
    assert all(len(part.unique()) == len(part) for part in parts)
    return [set(part.tolist()) for part in parts]


def test_words_count_once_and_padding_never() -> None:
    assert sets_of([[7, 5, 7, 7], [2, 0, 0, 0]], [4, 1], n=1) == [{5, 7}, {2}]


def test_an_ngram_is_its_words_in_their_order() -> None:
    one, same, turned, longer = sets_of([[3, 4, 0], [3, 4, 9], [4, 3, 0], [3, 4, 5]], [2, 2, 2, 3], n=3)
    assert one == same and len(one) == 3  # two words and what they make
    assert one & turned == {3, 4}
    assert one < longer and len(longer) == 6  # three words, two bigrams, a trigram
    assert min(row for row in longer if row >= V) >= V
    assert max(max(each) for each in sets_of([list(range(V))], [V], n=3, buckets=7)) < V + 7


def test_rows_are_those_of_the_hash() -> None:
    """By hand: two words a, b in a row hash to (a F + b + 1) mod P, three to (that F + c + 1) mod P."""
    factor, prime = 1_000_003, 2**31 - 1
    two = [(4 * factor + 7 + 1) % prime, (7 * factor + 9 + 1) % prime]
    three = (two[0] * factor + 9 + 1) % prime
    expected = {4, 7, 9, *(V + each % 1000 for each in (*two, three))}
    assert sets_of([[4, 7, 9]], [3], n=3, buckets=1000) == [expected]


def test_a_text_shorter_than_the_ngrams() -> None:
    rows, new = ngram_rows(torch.tensor([[5], [6]]), torch.tensor([1, 1]), V, 4, 10)
    assert rows[new].tolist() == [5, 6]
