"""First weights, drawn once a model is built (book 4.2, 3.15): torch's own, or one rule for all of its matrices.

A rule fills the weights of linear, convolution, recurrent and attention layers, each gate by itself, and those that
written-out models keep as matrices named w or W. Biases become 0; norms stay as they are, and so do embeddings: a
table is looked up, it has no inputs to count, and tokens of the same vector could not be told apart.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from dlrun.errors import UserError
from dlrun.limits import NonNegativeFloat, PositiveFloat
from dlrun.text.embeddings import KeyedVectors, PretrainedEmbedding

Fill = Callable[[Tensor], object]  # changes a (outputs, inputs, ...) tensor in place

MATRIX_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
LEFT_ALONE = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.Embedding, nn.EmbeddingBag)


def default(model: nn.Module) -> None:
    """Leaves everything as the layers drew it."""


def normal(model: nn.Module, *, sigma: NonNegativeFloat) -> None:
    """N(0, sigma^2)."""
    fill(model, lambda w: nn.init.normal_(w, std=sigma))


def xavier(model: nn.Module, *, gain: PositiveFloat) -> None:
    """Evenly within gain sqrt(6 / (inputs + outputs)), keeps activations and gradients of a size (Glorot 2010)."""
    fill(model, lambda w: nn.init.xavier_uniform_(w, gain))


def he(model: nn.Module) -> None:
    """N(0, 2 / inputs): keeps the variance behind a relu, which drops half of it (He 2015, arXiv 1502.01852)."""
    fill(model, lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"))


def orthogonal(model: nn.Module, *, gain: PositiveFloat) -> None:
    """Rows or columns at right angles, all of length gain: no direction grows or fades (Saxe 2014, arXiv 1312.6120)."""
    fill(model, lambda w: nn.init.orthogonal_(w, gain))


def constant(model: nn.Module, *, value: float) -> None:
    """The same number everywhere: the units of a layer get the same gradient, so they stay the same for ever."""
    fill(model, lambda w: nn.init.constant_(w, value))


def vectors(
    model: nn.Module,
    words: Sequence[str],
    given: KeyedVectors | None,
    *,
    file: str | None,
    run: str | None,
    freeze: bool,
) -> str:
    """Word vectors from a file or a run, word by word, into a model's own -> how many words had one, for the user.

    A word that has none keeps the vector it was born with, and so does all else. `freeze` takes them out of the
    training. `given` is None where a run goes on: its checkpoint has them.
    """
    tables = model.embedding_tables() if isinstance(model, PretrainedEmbedding) else []
    if not tables:
        raise UserError(f"{type(model).__name__} has no vectors of words to start from others. Type init=default.")
    if freeze:
        freeze_table(model, tables)
    if given is None:
        return ""
    return f"{given.write_into(tables, words):,} of {len(words):,} words taken from {given.source}"


def freeze_table(model: nn.Module, tables: list[Tensor]) -> None:
    if len(tables) > 1:
        raise UserError("One of the two channels is frozen anyway. Type init.freeze=false or model.multichannel=false.")
    if sum(parameter is tables[0] for _, parameter in model.named_parameters(remove_duplicate=False)) > 1:
        raise UserError("init.freeze=true would freeze the output too: it is tied. Type model.tied=false.")
    tables[0].requires_grad_(False)


@torch.no_grad()
def fill(model: nn.Module, rule: Fill) -> None:
    """Applies a rule to every weight matrix and sets the biases to 0; a tied weight that is an embedding stays."""
    kept = {
        id(w) for layer in model.modules() if isinstance(layer, LEFT_ALONE) for w in layer.parameters(recurse=False)
    }
    for layer in model.modules():
        for name, parameter in own_parameters(layer):
            if id(parameter) in kept:
                continue
            if parameter.dim() == 1 and name.lower().startswith(("b", "in_proj_bias")):
                parameter.zero_()
            for matrix in matrices(layer, name, parameter):
                rule(matrix)


def own_parameters(layer: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """A layer's own parameters by name; those of a ParameterList by the name that the list has."""
    yield from layer.named_parameters(recurse=False)
    for name, inner in layer.named_children():
        if isinstance(inner, nn.ParameterList):
            yield from ((name, parameter) for parameter in inner)


def matrices(layer: nn.Module, name: str, parameter: Tensor) -> list[Tensor]:
    """A parameter as the (outputs, inputs, ...) matrices that it holds; none where it is something else."""
    if parameter.dim() < 2:
        return []
    if isinstance(layer, MATRIX_LAYERS):
        return [parameter]
    if isinstance(layer, nn.RNNBase):  # the gates' matrices lie one above the other
        return list(parameter.split(layer.hidden_size))
    if isinstance(layer, nn.MultiheadAttention) and name.endswith("_weight"):
        return list(parameter.chunk(3)) if name == "in_proj_weight" else [parameter]
    return [parameter.T] if name.lower().startswith("w") and parameter.dim() == 2 else []  # the course's (in, out)
