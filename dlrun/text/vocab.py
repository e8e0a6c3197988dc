"""A vocabulary: the way from a text to ids and back, kept as one string that answers without the dataset.

Byte pairs are the library `tokenizers`' (Sennrich 2016; of bytes, Radford 2019); characters and words are split by
Python, which is faster, see `normalizers`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

import msgspec
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from dlrun.errors import UserError
from dlrun.store.decode import said
from dlrun.text.normalizers import NORMALIZERS

Tokenization = Literal["char", "word", "bpe"]
BYTES = 256
VERSION = 1  # of what `to_json` writes
LARGEST = 16_000_000  # characters of it; IMDb's words take 0.3 million
MOST_SPECIAL = 10_000  # characters of all special tokens: each token is looked for at every place of a text
AT_ONCE = 1000  # texts that the library's threads are given


class Saved(msgspec.Struct):
    """What `to_json` writes. A token's id is its place; those of byte pairs are spelled as the library spells them."""

    version: int
    tokenization: Tokenization
    normalizer: str
    tokens: list[str]
    special_tokens: list[str]
    unknown: str | None
    merges: list[tuple[str, str]]


class Vocab:
    """Tokens and their ids, 0 … V - 1.

    `unknown` is the id given to a token that is not known, or None: then KeyError. `special_tokens`, such as `<eos>`,
    stay whole where a text is split into characters or byte pairs. `normalizer` names what is done to a text first.

    Out of byte pairs any text is spelled: nothing is unknown, nothing is lost. A word has its space with it: " the".
    A token may hold a part of a character, whose bytes stand in `tokens` as lone surrogates, so that no two look the
    same.
    """

    def __init__(
        self,
        tokens: Iterable[str],
        *,
        tokenization: Tokenization,
        normalizer: str | None = None,
        special_tokens: Sequence[str] = (),
        unknown: str | None = None,
        merges: Sequence[tuple[str, str]] = (),
    ):
        """Words are in lower case where no normalizer is named. ValueError for what is no vocabulary."""
        normalizer = normalizer or ("lower" if tokenization == "word" else "none")
        self.saved = Saved(VERSION, tokenization, normalizer, list(tokens), list(special_tokens), unknown, list(merges))
        check_saved(self.saved)
        self.tokenization, self.special_tokens = tokenization, tuple(special_tokens)
        self.normalize = NORMALIZERS[normalizer]
        self.byte_pairs = byte_pairs(self.saved) if tokenization == "bpe" else None
        self.tokens = [shown(token) for token in self.saved.tokens] if self.byte_pairs else self.saved.tokens
        self.index = {token: number for number, token in enumerate(self.tokens)}
        self.unknown = None if unknown is None else self.index.get(unknown)

    @classmethod
    def count(
        cls,
        texts: Iterable[str],
        *,
        tokenization: Tokenization,
        normalizer: str | None = None,
        special_tokens: Sequence[str] = (),
        unknown: str | None = None,
        first: Sequence[str] = (),
        min_freq: int = 1,
        max_size: int | None = None,
    ) -> "Vocab":
        """Characters or words: those of `first`, then those that the texts have `min_freq` times, at most `max_size`.

        They stand from the most to the least frequent, equally frequent ones by the alphabet. A text that spells one
        of `first` does not move it.
        """
        split = cls(first, tokenization=tokenization, normalizer=normalizer, special_tokens=special_tokens).split
        counts = Counter[str]()
        for text in texts:
            counts.update(split(text))
        found = [token for token, count in counts.items() if count >= min_freq and token not in first]
        found.sort(key=lambda token: (-counts[token], token))
        return cls(
            [*first, *found[:max_size]],
            tokenization=tokenization,
            normalizer=normalizer,
            special_tokens=special_tokens,
            unknown=unknown,
        )

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        *,
        vocab_size: int,
        min_freq: int,
        special_tokens: Sequence[str] = (),
        normalizer: str = "none",
    ) -> "Vocab":
        """Special tokens, the 256 bytes, and pairs merged until there are `vocab_size` or none occurs `min_freq` times.

        `texts` is the training part alone, without special tokens. Pairs are merged inside of words only; the same
        texts always give the same pairs.
        """
        tokenizer = of_bytes(models.BPE())
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=min_freq,
            special_tokens=list(special_tokens),
            initial_alphabet=sorted(BYTE_OF),
            show_progress=False,
        )
        tokenizer.train_from_iterator(map(NORMALIZERS[normalizer], texts), trainer)
        model = json.loads(tokenizer.to_str())["model"]
        return cls(
            sorted(model["vocab"], key=model["vocab"].__getitem__),
            tokenization="bpe",
            normalizer=normalizer,
            special_tokens=special_tokens,
            merges=[(left, right) for left, right in model["merges"]],
        )

    @classmethod
    def from_json(cls, text: str) -> "Vocab":
        """ValueError for what `to_json` does not write: it may come out of anybody's checkpoint."""
        if not isinstance(text, str) or len(text) > LARGEST:
            raise ValueError(f"a vocabulary is a text of at most {LARGEST:,} characters")
        try:
            fields = msgspec.structs.asdict(msgspec.json.decode(text, type=Saved))
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(said(str(error))[:200]) from error
        if (version := fields.pop("version")) != VERSION:
            raise ValueError(f"the vocabulary is of version {version}, and this dlrun reads {VERSION}")
        return cls(**fields)

    def to_json(self) -> str:
        return msgspec.json.encode(self.saved).decode()

    def __len__(self) -> int:
        return len(self.tokens)

    def split(self, text: str) -> list[str]:
        """A text's tokens, known or not."""
        if self.byte_pairs:
            return self.decode(self.ids(text))
        text = self.normalize(text)
        return text.split() if self.tokenization == "word" else characters(text, self.special_tokens)

    def join(self, tokens: Iterable[str]) -> str:
        """The text of tokens; half a character becomes U+FFFD."""
        return well_formed((" " if self.tokenization == "word" else "").join(tokens))

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Ids of the tokens; KeyError for one that is not known when there is no `unknown`."""
        if self.unknown is None:
            return [self.index[token] for token in tokens]
        return [self.index.get(token, self.unknown) for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        return [self.tokens[number] for number in ids]

    def ids(self, text: str) -> list[int]:
        """A text's ids; KeyError as in `encode`."""
        if self.byte_pairs:
            return self.byte_pairs.encode(well_formed(self.normalize(text))).ids
        return self.encode(self.split(text))

    def ids_of(self, texts: Iterable[str]) -> Iterator[list[int]]:
        """Each text's ids, as `ids` gives them; byte pairs on all cores."""
        rest = iter(texts)
        while some := list(islice(rest, AT_ONCE)):
            if self.byte_pairs:
                found = self.byte_pairs.encode_batch_fast([well_formed(self.normalize(text)) for text in some])
                yield from (each.ids for each in found)
            else:
                yield from map(self.ids, some)

    def text(self, ids: Iterable[int]) -> str:
        """The way back from `ids`: exact but for what is unknown or normalized and, between words, for white space."""
        return self.join(self.decode(ids))

    def token(self, word: str) -> str:
        """What stands for a word inside a text."""
        return f" {word}" if self.byte_pairs and f" {word}" in self.index else word


def check(tokenizer: Tokenization, vocab_size: int | None, special_tokens: Sequence[str]) -> None:
    """UserError where `vocab_size` does not fit the tokenizer: only byte pairs have a size that is chosen."""
    least = BYTES + len(special_tokens) + 1
    if tokenizer != "bpe":
        if vocab_size is not None:
            raise UserError(
                f"data.tokenizer={tokenizer} has no data.vocab_size. Leave it out or type data.tokenizer=bpe."
            )
    elif vocab_size is None:
        raise UserError("data.tokenizer=bpe needs a size. Type data.vocab_size=2000, for one.")
    elif vocab_size < least:
        raise UserError(f"data.vocab_size={vocab_size} is too small: type at least {least}, as every byte is a token.")


def check_known(vocab: Vocab, special: int, min_freq: int) -> None:
    """UserError for one that has nothing but that many special tokens, as nothing occurs often enough."""
    if len(vocab) <= special:
        unit = "character" if vocab.tokenization == "char" else "word"
        raise UserError(f"No {unit} that is trained on occurs data.min_freq={min_freq} times. Type data.min_freq=1")


def check_saved(saved: Saved) -> None:
    """ValueError for what is no vocabulary."""
    "".join(saved.tokens).encode()  # UnicodeEncodeError is one, too: a checkpoint could not be written later on
    known = set(saved.tokens)
    if len(known) < len(saved.tokens) or not all(known):
        raise ValueError("a token of the vocabulary stands twice, or is empty")
    if saved.normalizer not in NORMALIZERS:
        raise ValueError(f"there is no normalizer {saved.normalizer[:50]!r}")
    if not all(saved.special_tokens) or sum(map(len, saved.special_tokens)) > MOST_SPECIAL:
        raise ValueError("its special tokens are too many, or one is empty")
    if saved.tokenization == "bpe":
        if not known >= {*BYTE_OF, *saved.special_tokens}:
            raise ValueError("a byte or a special token has no id")
        if not all(BYTE_OF.keys() >= set(token) for token in known):
            raise ValueError("a token is not spelled in bytes")
        if not all({left, right, left + right} <= known for left, right in saved.merges):
            raise ValueError("a pair is merged to what is no token")  # the library would panic


# byte pairs


def of_bytes(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def byte_pairs(saved: Saved) -> Tokenizer:
    """Built from checked parts: a whole tokenizer's JSON of somebody else's could hold any regular expression."""
    tokenizer = of_bytes(models.BPE({token: number for number, token in enumerate(saved.tokens)}, saved.merges))
    tokenizer.add_special_tokens(saved.special_tokens)
    return tokenizer


def byte_of() -> dict[str, int]:
    """The character that the library writes for each byte: its own where it can be seen, one above 255 for the rest."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    seen = {ord(char) for char in alphabet if ord(char) < BYTES}
    hidden = (byte for byte in range(BYTES) if byte not in seen)
    return {char: ord(char) if ord(char) < BYTES else next(hidden) for char in alphabet}


BYTE_OF = byte_of()


def shown(token: str) -> str:
    """A token as the library spells it -> its text."""
    return bytes(BYTE_OF[char] for char in token).decode("utf-8", "surrogateescape")


def well_formed(text: str) -> str:
    """Bytes that are no UTF-8, which stand as lone surrogates, come together to characters, or become U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def characters(text: str, special_tokens: Sequence[str]) -> list[str]:
    """A text's characters, but `special_tokens` whole."""
    if not special_tokens:
        return list(text)
    return re.findall("|".join([*map(re.escape, special_tokens), "."]), text, re.DOTALL)
