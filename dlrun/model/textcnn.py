"""TextCNN: filters over words, each giving its strongest answer in the text (Kim 2014, arXiv 1408.5882; book 10.8)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, pad, relu

from dlrun.limits import Fraction, PositiveInt


class TextCNN(nn.Module):
    """`channels` filters of each of `kernel_sizes` words. Padding never wins a maximum: a text's answer is its own.

    With `multichannel` a word has two vectors, of which one stays as it began: Kim's "multichannel". Kim's filters are
    the same for both channels, the book's and these are not.

    A text is a picture one pixel high whose channels lie side by side: so a CPU takes 0.6 of the time of Conv1d.
    """

    def __init__(
        self,
        vocab_size: int,
        outputs: int,
        *,
        embed: PositiveInt,
        kernel_sizes: list[PositiveInt],
        channels: PositiveInt,
        multichannel: bool,
        dropout: Fraction,
    ):
        super().__init__()
        self.kernel_sizes = kernel_sizes
        self.embedding = nn.Embedding(vocab_size, embed)
        nn.init.uniform_(self.embedding.weight, -0.25, 0.25)  # Kim's; torch's N(0, 1) drowns what Adam can add to it
        self.constant: Tensor | None
        self.register_buffer("constant", self.embedding.weight.detach().clone() if multichannel else None)  # (V, D)
        entering = 2 * embed if multichannel else embed
        self.filters = nn.ModuleList(nn.Conv2d(entering, channels, (1, width)) for width in kernel_sizes)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(channels * len(kernel_sizes), outputs)

    def word_vectors(self) -> Tensor:
        return self.embedding.weight

    def embedding_tables(self) -> list[Tensor]:
        """What starts from given vectors."""
        return [self.embedding.weight] if self.constant is None else [self.embedding.weight, self.constant]

    def embedded(self, ids: Tensor) -> Tensor:
        """(B, T) ids -> (B, T, D), two channels side by side: (B, T, 2D)."""
        if self.constant is None:
            return self.embedding(ids)
        return torch.cat([self.embedding(ids), embedding(ids, self.constant)], dim=2)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) ids, (B,) lengths -> (B, outputs)."""
        place = torch.arange(ids.shape[1], device=ids.device)
        inside = place < lengths.unsqueeze(1)  # (B, T)
        x = self.dropout(self.embedded(ids)) * inside.unsqueeze(2)  # (B, T, D)
        x = pad(x, (0, 0, 0, max(self.kernel_sizes) - 1))  # a text shorter than a filter goes on with zeros
        x = x.transpose(1, 2).unsqueeze(2)  # (B, D, 1, T'), never made contiguous: that is what costs
        found = [
            self.strongest(filter(x).squeeze(2), lengths, width)
            for width, filter in zip(self.kernel_sizes, self.filters, strict=True)
        ]
        return self.output(self.dropout(torch.cat(found, dim=1)))

    def strongest(self, x: Tensor, lengths: Tensor, width: int) -> Tensor:
        """(B, channels, places) -> (B, channels), over the places where a filter lies on the text, or at its start."""
        places = (lengths - width + 1).clamp(min=1)  # (B,)
        outside = torch.arange(x.shape[2], device=x.device) >= places.unsqueeze(1)  # (B, places)
        return relu(x.masked_fill(outside.unsqueeze(1), -torch.inf).amax(2))
