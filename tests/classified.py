"""Pictures, texts and rows with classes for tests, their task, and a model that always says the same."""

from typing import Any

import torch
from options import options, ready
from torch import Tensor, nn

from dlrun.data.base import Data, Scale, Schema, Split
from dlrun.task.classify import TASKS, Classify
from dlrun.task.classify_images import ClassifyImages
from dlrun.task.classify_texts import ClassifyTexts
from dlrun.text.vocab import Vocab


def image_data(count: int = 10) -> Data:
    x = torch.randint(256, (count, 1, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    split = Split(x, torch.arange(count) % 3)
    sizes = {"in_channels": 1, "height": 4, "width": 5, "in_features": 20, "outputs": 3}
    scale = Scale(torch.tensor(100.0), torch.tensor(50.0))
    return Data(split, split, None, Schema(sizes, "image", "class", labels=("shirt", "bag", "coat"), x_scale=scale))


def text_data(count: int = 300) -> Data:
    """Text i is the number i, followed by up to 19 times token 1; every fourth one is empty but for that."""
    lengths = torch.randint(1, 21, (count,), generator=torch.Generator().manual_seed(0))
    texts = [torch.tensor([i + 2] + [1] * (n - 1)) for i, n in enumerate(lengths.tolist())]
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
    split = Split(torch.cat(texts).int(), torch.arange(count) % 2, offsets)
    vocab = Vocab(["<pad>", "<unk>", *(f"w{i}" for i in range(count))], tokenization="word", unknown="<unk>")
    sizes = {"vocab_size": len(vocab), "outputs": 2}
    return Data(split, split, None, Schema(sizes, "text", "class", vocab=vocab, labels=("bad", "good")))


def classify(data: Data, **changed: Any) -> Any:
    kind: type[Classify] = {"table": Classify, "image": ClassifyImages, "text": ClassifyTexts}[data.schema.inputs]
    return ready(kind, data, **options(f"task/{TASKS[data.schema.inputs]}", **changed))


class Fixed(nn.Module):
    """The same logits for everything."""

    def __init__(self, logits: list[float]):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.logits.expand(len(x), -1)
