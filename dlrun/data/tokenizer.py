"""Byte-pair encoding: tokens between characters and words, learned (Sennrich 2016; of bytes, Radford 2019)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from dlrun.data.base import Vocab
from dlrun.errors import UserError

Level = Literal["char", "word", "bpe"]
BYTES = 256


def check(tokenizer: Level, vocab_size: int | None, marks: Iterable[str]) -> None:
    """UserError where `vocab_size` does not fit the tokenizer: only byte pairs have a size that is chosen."""
    least = BYTES + len(list(marks)) + 1
    if tokenizer != "bpe":
        if vocab_size is not None:
            raise UserError(
                f"data.tokenizer={tokenizer} has no data.vocab_size. Leave it out or type data.tokenizer=bpe."
            )
    elif vocab_size is None:
        raise UserError("data.tokenizer=bpe needs a size. Type data.vocab_size=2000, for one.")
    elif vocab_size < least:
        raise UserError(f"data.vocab_size={vocab_size} is too small: type at least {least}, as every byte is a token.")


class BytePairs(Vocab):
    """Any text is spelled out of tokens that are strings of bytes: nothing is unknown, nothing is lost.

    A word inside a text has its space with it: " the". A token may hold a part of a character; the bytes of that
    part stand in `tokens` as lone surrogates, one each, so that no two tokens look the same.
    """

    def __init__(self, saved: str):
        """`saved` is the tokenizer's own JSON."""
        self.saved = saved
        self.tokenizer = Tokenizer.from_str(saved)
        numbers = self.tokenizer.get_vocab()
        spelled = (bytes(BYTE_OF[char] for char in token) for token in sorted(numbers, key=numbers.__getitem__))
        super().__init__((token.decode("utf-8", "surrogateescape") for token in spelled), level="bpe")

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text).ids

    def split(self, text: str) -> list[str]:
        return self.decode(self.ids(text))

    def join(self, tokens: Iterable[str]) -> str:
        """Half a character becomes U+FFFD."""
        return "".join(tokens).encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def token(self, word: str) -> str:
        return f" {word}" if f" {word}" in self.index else word


def byte_of() -> dict[str, int]:
    """The character that the library writes for each byte: its own where it can be seen, one above 255 for the rest."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    seen = {ord(char) for char in alphabet if ord(char) < BYTES}
    hidden = (byte for byte in range(BYTES) if byte not in seen)
    return {char: ord(char) if ord(char) < BYTES else next(hidden) for char in alphabet}


BYTE_OF = byte_of()


def learn(texts: Iterable[str], *, vocab_size: int, marks: Iterable[str], min_freq: int) -> BytePairs:
    """`marks`, the 256 bytes, and pairs merged until there are `vocab_size` tokens or none occurs `min_freq` times.

    `texts` is the training part alone, without the marks. Pairs are merged inside of words only; the same texts always
    give the same pairs.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_freq,
        special_tokens=list(marks),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return BytePairs(tokenizer.to_str())
