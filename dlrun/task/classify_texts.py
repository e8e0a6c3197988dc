"""Classification of texts (book 10.7, 10.8), in batches of about the same length."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dlrun.data.base import Data, Schema
from dlrun.errors import UserError
from dlrun.limits import Fraction, NonNegativeFloat, PositiveInt
from dlrun.task.base import Example, Inputs, generator, in_column, read_each
from dlrun.task.classify import Classify, Goal, Metric, Weights

BUCKET = 50  # batches that are sorted by length together: more means less padding, and less chance in who meets whom


class ClassifyTexts(Classify):
    """Texts are cut to `max_len` tokens and meet others of about their length: training sorts them by length within
    buckets of 50 batches and shuffles the batches, evaluation sorts them all. That costs a little chance and saves the
    padding, which on imdb would be half of all tokens.
    """

    kind = "text"

    def __init__(
        self,
        schema: Schema,
        *,
        goal: Goal,
        metrics: list[Metric],
        class_weights: Weights | None,
        label_smoothing: Fraction,
        auxiliary_weight: NonNegativeFloat,
        max_len: PositiveInt | None,
    ):
        super().__init__(
            schema,
            goal=goal,
            metrics=metrics,
            class_weights=class_weights,
            label_smoothing=label_smoothing,
            auxiliary_weight=auxiliary_weight,
        )
        self.max_len = max_len

    def attach(self, data: Data) -> None:
        super().attach(data)
        self.lengths = {
            name: (split.offsets[1:] - split.offsets[:-1]).cpu().clamp(min=0, max=self.max_len)
            for name, split in self.splits.items()
            if split.offsets is not None
        }

    def arranged(self, split: str, batch_size: int, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        order, turn = super().arranged(split, batch_size, seed, epoch)
        if split != "train":
            return by_length(order, self.lengths[split], len(order)), turn
        turn = torch.randperm(len(turn), generator=generator(seed, epoch, 1))
        return by_length(order, self.lengths[split], batch_size * BUCKET), turn

    def chosen(self, split: str, rows: Tensor) -> tuple[Tensor, ...]:
        """(B,) numbers of texts -> (B, T) ids, 0 behind each text's end, and (B,) lengths, at least 1."""
        part = self.splits[split]
        assert part.offsets is not None
        lengths = self.lengths[split][rows]
        longest = max(int(lengths.max()), 1)  # known on the CPU: the device need not be waited for
        lengths, begins = lengths.to(self.device), part.offsets[rows.to(self.device)]
        place = torch.arange(longest, device=self.device)
        where = (begins.unsqueeze(1) + place).clamp(max=len(part.x) - 1)
        ids = part.x[where].long().masked_fill(place >= lengths.unsqueeze(1), 0)
        return ids, lengths.clamp(min=1)

    def read(self, examples: Sequence[Example]) -> Inputs:
        """Sentences, of a row that in the schema's column: (B, T) ids and (B,) lengths."""
        found, problems = read_each(examples, lambda example: self.ids(in_column(example, self.schema)))
        lengths = torch.tensor([len(ids) for ids in found], dtype=torch.int64)
        padded = pad_sequence(found, batch_first=True) if found else torch.empty(0, 1, dtype=torch.int64)
        return Inputs((padded, lengths), problems)

    def ids(self, text: str) -> Tensor:
        """(T,) of a text, cut to `max_len`. UserError for one without a token, or with one that is not known."""
        vocab = self.schema.vocab
        assert vocab is not None
        words = vocab.split(text)[: self.max_len]
        if not words:
            raise UserError("The text is empty. Type a sentence in quotes.")
        try:
            return torch.tensor(vocab.encode(words))
        except KeyError as error:
            raise UserError(f"{error.args[0]} is not in the vocabulary of {len(vocab):,}.") from error


def by_length(order: Tensor, lengths: Tensor, bucket: int) -> Tensor:
    """(N,) an order -> the same, but sorted by length within each bucket; equally long ones stay as they were."""
    buckets = torch.arange(len(order)) // max(bucket, 1)
    key = buckets * (int(lengths.max()) + 1) + lengths[order]
    return order[key.sort(stable=True).indices]
