"""Reviews as ids: Python's splitting, as dlrun does it, beside the same rules in the library `tokenizers`.

python bench/split_texts.py [REVIEWS]     needs IMDb's real file: $DLRUN_DATA, $DLRUN_MIRRORS or a network

Both give the same ids, checked here; the library uses all cores. Rounds are interleaved, the best of three counts.
"""

import re
import sys
import time
from collections.abc import Callable
from itertools import islice

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from dlrun.config import catalogue
from dlrun.data import imdb
from dlrun.files import download
from dlrun.text.normalizers import PUNCTUATION
from dlrun.text.vocab import Tokenization, Vocab

SIGMA = "\u03a3"  # at a word's end Python gives it another small letter than the library


def library(vocab: Vocab) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(vocab.index, unk_token=imdb.UNKNOWN))
    if vocab.tokenization == "char":
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        return tokenizer
    marks = Regex("[" + re.escape("".join(PUNCTUATION)) + "]")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace("<br />", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(marks, "isolated"),
            pre_tokenizers.Split("'", "merged_with_next"),
        ]
    )
    return tokenizer


def seconds(make: Callable[[], list[list[int]]]) -> tuple[float, list[list[int]]]:
    start = time.perf_counter()
    made = make()
    return time.perf_counter() - start, made


def compare(texts: list[str], tokenization: Tokenization, normalizer: str) -> None:
    first = [imdb.PAD, imdb.UNKNOWN]
    vocab = Vocab.count(
        texts, tokenization=tokenization, normalizer=normalizer, first=first, unknown=imdb.UNKNOWN, min_freq=5
    )
    tokenizer = library(vocab)
    python, other = [], []
    for _ in range(3):
        python.append(seconds(lambda: [vocab.ids(text) for text in texts]))
        other.append(seconds(lambda: [each.ids for each in tokenizer.encode_batch_fast(texts)]))
        assert python[-1][1] == other[-1][1], "the ids differ"
    best, others = min(python)[0], min(other)[0]
    print(
        f"{tokenization}: {len(texts):,} reviews, Python {best:.2f} s, "
        f"tokenizers {others:.2f} s: {others / best:.1f} times as long"
    )


def main() -> None:
    folder, _ = download.get("imdb", catalogue.read("data", "imdb")["files"])
    count = int(sys.argv[1]) if sys.argv[1:] else 3000
    texts = [review.text for review in islice(imdb.reviews(folder / imdb.FILE), count)]
    texts = [text for text in texts if SIGMA not in text]
    compare(texts, "word", "review")
    compare(texts, "char", "none")


if __name__ == "__main__":
    main()
