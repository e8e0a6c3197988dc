"""Small models for tests: each maker has few weights and plain options, of which a test changes some by name."""

from typing import Any

import torch
from torch import Tensor, nn

from dlrun.config import catalogue
from dlrun.config.bind import locate, make_spec
from dlrun.model.awd_lstm import AWDLSTM
from dlrun.model.bag import Bag
from dlrun.model.nbsvm import NBSVM
from dlrun.model.nnlm import NNLM
from dlrun.model.seq2seq import Seq2Seq
from dlrun.model.textcnn import TextCNN
from dlrun.model.transformer import EncoderDecoder
from dlrun.model.transformer_classifier import TransformerClassifier
from dlrun.model.transformer_lm import TransformerLM
from dlrun.task.classify import Batch

B, T, V, CLASSES = 6, 9, 20, 3
SOURCE, TARGET = 13, 11  # words of two languages
RECURRENT: dict[str, Any] = {
    "embed": 8,
    "hidden": 8,
    "layers": 2,
    "dropout": 0.0,
    "tied": False,
    "bidirectional": False,
}


def check_gradients(model: nn.Module, answer: Tensor) -> None:
    """Every parameter has one."""
    (answer * torch.randn_like(answer)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, name


# pictures

IMAGES = ("alexnet", "densenet", "googlenet", "nin", "resnet", "smallresnet", "vgg")
THIN: dict[str, dict[str, Any]] = {  # a test need not wait for a hundred million weights
    **{name: {"width_divisor": 16} for name in ("alexnet", "vgg", "nin", "googlenet")},
    "resnet": {"channels": [4, 4, 8, 8]},
    "smallresnet": {"channels": [4, 4, 8]},
    "densenet": {"channels": 8, "growth": 4},
}


def image_model(
    name: str, side: int | tuple[int, int] = 28, *, colours: int = 1, outputs: int = CLASSES, **options: Any
) -> Any:
    """With the values of its YAML, but for `options`; the same checks as on the command line."""
    node = catalogue.read("model", name) | options
    height, width = (side, side) if isinstance(side, int) else side
    spec = make_spec("model", node, locate("model", node["_target_"]))
    return spec(in_channels=colours, height=height, width=width, outputs=outputs)


def thin(name: str, side: int | tuple[int, int] = 28, **options: Any) -> Any:
    return image_model(name, side, **(THIN[name] | options))


def parameters(name: str, side: int = 224, *, colours: int = 3, outputs: int = 1000, **options: Any) -> int:
    """How many weights it has for ImageNet's pictures and classes, or others."""
    with torch.device("meta"):  # sizes alone: nothing is allocated
        model = image_model(name, side, colours=colours, outputs=outputs, **options)
    return sum(parameter.numel() for parameter in model.parameters())


def layers_of(model: nn.Module, kind: type[nn.Module]) -> list[Any]:
    return [each for each in model.modules() if isinstance(each, kind)]


# texts with a class


def texts() -> tuple[Tensor, Tensor]:
    """(B, T) ids and their lengths."""
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(0)), torch.tensor([1, 2, 5, 9, 9, 4])


def textcnn(**changed: Any) -> TextCNN:
    chosen: dict[str, Any] = {"embed": 7, "kernel_sizes": [2, 3, 12], "channels": 5, "multichannel": False}
    return TextCNN(V, CLASSES, **(chosen | {"dropout": 0.0} | changed))


def bag(**changed: Any) -> Bag:
    model = Bag(V, CLASSES, **({"ngrams": 2, "buckets": 50, "embed": 5, "dropout": 0.0} | changed))
    nn.init.normal_(model.embedding.weight)  # it starts at 0, where the output layer gets no gradient yet
    return model


def nbsvm(**changed: Any) -> NBSVM:
    model = NBSVM(V, CLASSES, **({"ngrams": 3, "buckets": 50, "smoothing": 1.0} | changed))
    model.count([Batch(texts(), torch.arange(B) % CLASSES, ())])
    nn.init.normal_(model.weight)
    return model


def transformer_classifier(**changed: Any) -> TransformerClassifier:
    chosen = {"embed": 8, "heads": 2, "layers": 2, "feed_forward": 16, "dropout": 0.0}
    return TransformerClassifier(V, CLASSES, **(chosen | changed))


# language models


def transformer_lm(**changed: Any) -> TransformerLM:
    chosen: dict[str, Any] = {"embed": 8, "layers": 2, "heads": 2, "feed_forward": 12, "dropout": 0.0, "context": 4}
    return TransformerLM(V, **(chosen | {"positions": "learned", "tied": False} | changed))


def nnlm(window: int = 4, **changed: Any) -> NNLM:
    return NNLM(V, window=window, **({"embed": 6, "hidden": 10, "dropout": 0.0, "tied": False} | changed))


DROPOUTS = [f"{each}_dropout" for each in ("word", "input", "weight", "hidden", "output")]


def awd_lstm(layers: int = 3, **changed: Any) -> AWDLSTM:
    chosen: dict[str, Any] = dict.fromkeys(DROPOUTS, 0.0) | {"activation_penalty": 0.0, "change_penalty": 0.0}
    return AWDLSTM(V, layers=layers, **({"embed": 6, "hidden": 8} | chosen | changed))


# two languages


def seq2seq(attention: Any, layers: int = 2) -> Seq2Seq:
    return Seq2Seq(SOURCE, TARGET, attention=attention, embed=6, hidden=8, layers=layers, dropout=0.0)


def encoder_decoder(**changed: Any) -> EncoderDecoder:
    chosen: dict[str, Any] = {"embed": 8, "heads": 2, "feed_forward": 12, "layers": 2, "dropout": 0.0}
    return EncoderDecoder(SOURCE, TARGET, **(chosen | changed))
