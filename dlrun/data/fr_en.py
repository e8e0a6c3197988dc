"""French and English sentences, pair by pair: the course's 20 (book 10.12)."""

import random
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from dlrun.data.base import Data, Schema, Split, held_out, shuffled
from dlrun.errors import UserError
from dlrun.files.reading import reading, whole
from dlrun.files.stand_ins import StandIn
from dlrun.limits import Fraction, PositiveInt
from dlrun.text.normalizers import sentence
from dlrun.text.vocab import Tokenization, Vocab, check, check_known

FILE = "fr-en-small.txt"
LARGEST = 4_000_000  # bytes; it has 806
MOST_CELLS = 250_000_000  # of all sentences with their padding: 2 GB
PAD, BOS, EOS, UNKNOWN = range(4)
SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<unk>")


Pair = tuple[list[str], list[str]]  # words of the sentence to translate, words of its translation


def load(
    folder: Path,
    *,
    reverse: bool,
    tokenizer: Tokenization,
    vocab_size: PositiveInt | None,
    max_words: PositiveInt | None,
    min_freq: PositiveInt,
    val: Fraction,
    test: Fraction,
    seed: int,
) -> Data:
    """x is (N, S), y (N, T) int64: tokens, `<eos>`, and 0 = `<pad>` up to the longest sentence of the dataset.

    French is translated to English, or the other way round with `reverse`. See `parallel` for the other options.
    """
    with reading(folder / FILE):
        lines = whole(folder / FILE, LARGEST).decode("utf-8").splitlines()
        pairs = read(lines, (1, 0) if reverse else (0, 1))
    return parallel(
        pairs,
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        max_words=max_words,
        min_freq=min_freq,
        val=val,
        test=test,
        seed=seed,
    )


def read(lines: Iterable[str], columns: tuple[int, int]) -> list[Pair]:
    """The two columns of each line, in words; lines with nothing in one of them are left out."""
    rows = [line.split("\t") for line in lines]
    pairs = [
        (sentence(row[columns[0]]).split(), sentence(row[columns[1]]).split())
        for row in rows
        if len(row) > max(columns)
    ]
    pairs = [pair for pair in pairs if all(pair)]
    if not pairs:
        raise ValueError("it has no pair of sentences with a tab between them")
    return pairs


def parallel(
    pairs: list[Pair],
    *,
    tokenizer: Tokenization,
    vocab_size: int | None,
    max_words: int | None,
    min_freq: int,
    val: float,
    test: float,
    seed: int,
) -> Data:
    """Sentences of more than `max_words` words on either side are left out; UserError where none is left.

    `val` and `test` are fractions of all different sentences to translate, so that no held-out one has been trained on.
    Words or characters that occur less than `min_freq` times in the training part are `<unk>`. Each language has a
    vocabulary of its own, of byte pairs one of `vocab_size`.
    """
    check(tokenizer, vocab_size, SPECIAL_TOKENS)
    pairs = [pair for pair in pairs if max_words is None or max(map(len, pair)) <= max_words]
    if not pairs:
        raise UserError(f"data.max_words={max_words} leaves no sentence. Type a larger number.")
    return of_parts(divided(pairs, val, test, seed), tokenizer, vocab_size, min_freq, val)


def divided(pairs: list[Pair], val: float, test: float, seed: int) -> list[list[Pair]]:
    """Three parts; a sentence to translate is in one of them alone."""
    numbers = {source: number for number, source in enumerate(dict.fromkeys(" ".join(source) for source, _ in pairs))}
    of_pair = torch.tensor([numbers[" ".join(source)] for source, _ in pairs])
    return [
        [pairs[row] for row in torch.isin(of_pair, chosen).nonzero().flatten().tolist()]
        for chosen in held_out(shuffled(len(numbers), seed), val, test)
    ]


def of_parts(
    parts: list[list[Pair]], tokenizer: Tokenization, vocab_size: int | None, min_freq: int, val: float
) -> Data:
    """Vocabularies of the first of three parts, and the tokens of all."""
    vocabs = [
        vocabulary([" ".join(pair[side]) for pair in parts[0]], tokenizer, vocab_size, min_freq) for side in (0, 1)
    ]
    train, val_split, test_split = (split_of(part, vocabs) if part else None for part in parts)
    assert train is not None and train.y is not None
    longest = int((train.y != PAD).sum(1).max())
    sizes = {"source_vocab_size": len(vocabs[0]), "target_vocab_size": len(vocabs[1]), "target_len": longest}
    schema = Schema(sizes, "pair", "text", vocab=vocabs[0], target_vocab=vocabs[1])
    note = f"data.val={val:g}: nothing is held out to choose by; metrics are of the pairs trained on"
    return Data(train, val_split, test_split, schema, note="" if val_split else note)


def split_of(part: list[Pair], vocabs: list[Vocab]) -> Split:
    x, y = (rows([" ".join(pair[side]) for pair in part], vocabs[side]) for side in (0, 1))
    return Split(x, y)


def vocabulary(sentences: list[str], tokenizer: Tokenization, vocab_size: int | None, min_freq: int) -> Vocab:
    if vocab_size is not None:
        return Vocab.learn(
            sentences, vocab_size=vocab_size, special_tokens=SPECIAL_TOKENS, min_freq=min_freq, normalizer="sentence"
        )
    vocab = Vocab.count(
        sentences,
        tokenization=tokenizer,
        normalizer="sentence",
        first=SPECIAL_TOKENS,
        unknown=SPECIAL_TOKENS[UNKNOWN],
        min_freq=min_freq,
    )
    check_known(vocab, len(SPECIAL_TOKENS), min_freq)
    return vocab


def rows(sentences: list[str], vocab: Vocab) -> Tensor:
    """(N, longest + 1) int64, each with `<eos>` behind it and `<pad>` behind that."""
    ids = list(vocab.ids_of(sentences))
    width = max(map(len, ids)) + 1
    if len(ids) * width > MOST_CELLS:
        raise UserError(
            f"The longest of {len(ids):,} sentences has {width - 1:,} tokens, and each would be filled up to that. "
            "Leave the long ones out, such as data.max_words=50."
        )
    return torch.tensor([[*each, EOS] + [PAD] * (width - 1 - len(each)) for each in ids])


# the stand-in: a toy language, word for word, but describing words stand behind their noun and a question turns round

NOUNS = {"kato": "cat", "hundo": "dog", "birdo": "bird", "knabo": "boy", "arbo": "tree"}
DESCRIBING = {"granda": "big", "nigra": "black", "juna": "young", "bela": "nice"}
VERBS = {"vidas": "sees", "amas": "loves", "trovas": "finds", "sekvas": "follows"}
ARTICLES = {"la": "the", "unu": "one"}


def write_stand_in(folder: Path) -> None:
    lines = [f"{foreign}\t{english}\n" for foreign, english in toy_pairs(1000)]
    (folder / FILE).write_text("".join(lines), encoding="utf-8")


def toy_pairs(count: int) -> list[tuple[str, str]]:
    """Different sentences of 6 to 8 words with their only translation."""
    draw = random.Random(0)
    found: dict[str, str] = {}
    while len(found) < count:
        (subject, subject_en), (thing, thing_en) = phrase(draw), phrase(draw)
        verb, verb_en = draw.choice(list(VERBS.items()))
        if draw.random() < 0.5:
            found[f"{subject} {verb} {thing} ."] = f"{subject_en} {verb_en} {thing_en} ."
        else:
            found[f"chu {subject} {verb} {thing} ?"] = f"does {thing_en} {verb_en} {subject_en} ?"
    return list(found.items())


def phrase(draw: random.Random) -> tuple[str, str]:
    """`la kato nigra` is `the black cat`; every second one is not described."""
    (article, article_en), (noun, noun_en) = (draw.choice(list(words.items())) for words in (ARTICLES, NOUNS))
    if draw.random() < 0.5:
        return f"{article} {noun}", f"{article_en} {noun_en}"
    word, word_en = draw.choice(list(DESCRIBING.items()))
    return f"{article} {noun} {word}", f"{article_en} {word_en} {noun_en}"


STAND_IN = StandIn("1", write_stand_in, {"exact": 1.0, "bleu": 1.0})
"""Each word of the toy language has one translation, and where it goes is known from its kind: all can be right."""
