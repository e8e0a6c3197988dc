"""French and English sentences, pair by pair: all of the Tatoeba project's that the course packs (book 9.5)."""

import zipfile
from pathlib import Path

from dlrun.data import fr_en
from dlrun.data.base import Data
from dlrun.files.reading import reading, unzipped
from dlrun.files.stand_ins import StandIn
from dlrun.limits import Fraction, PositiveInt
from dlrun.text.vocab import Tokenization

FILE = "fra-eng.zip"
LARGEST = 64_000_000  # bytes unpacked; it has about 12 million
MEMBER = "fra-eng/fra.txt"


def load(
    folder: Path,
    *,
    max_pairs: PositiveInt | None,
    reverse: bool,
    tokenizer: Tokenization,
    vocab_size: PositiveInt | None,
    max_words: PositiveInt | None,
    min_freq: PositiveInt,
    val: Fraction,
    test: Fraction,
    seed: int,
) -> Data:
    """As `fr_en.load`; only the first `max_pairs` lines are read: the shortest, as the file is sorted by length."""
    with reading(folder / FILE):
        lines = unzipped(folder / FILE, [MEMBER], LARGEST)[0].splitlines()[:max_pairs]
        pairs = fr_en.read(lines, (0, 1) if reverse else (1, 0))
    return fr_en.parallel(
        pairs,
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        max_words=max_words,
        min_freq=min_freq,
        val=val,
        test=test,
        seed=seed,
    )


def write_stand_in(folder: Path) -> None:
    """The toy language of `fr_en`, more of it."""
    text = "".join(f"{english}\t{foreign}\n" for foreign, english in fr_en.toy_pairs(1500))
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER), text, zipfile.ZIP_DEFLATED)


STAND_IN = StandIn("1", write_stand_in, fr_en.STAND_IN.best)
