"""What an exported model takes and answers: tensors alone, in one order, for any number of examples and steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dlrun.errors import UserError
from dlrun.export import bags, recurrent
from dlrun.model.base import Output, State
from dlrun.model.ngram import NGram
from dlrun.model.nnlm import NNLM
from dlrun.model.seq2seq import Seq2Seq
from dlrun.run.answer import Trained
from dlrun.task.base import Task
from dlrun.task.classify import Classify
from dlrun.task.classify_texts import ClassifyTexts
from dlrun.task.lm import LanguageModel
from dlrun.task.regress import Regress
from dlrun.task.translate import Translate

Axes = dict[int, str]  # which axes are free, and what of
ROWS, STEPS = 2, 7  # of the example that is followed: neither 0 nor 1, which torch takes for special


@dataclass(frozen=True)
class Interface:
    """`net` is asked with tensors by position; `inputs` are examples of them, whose free axes are in `axes`."""

    net: nn.Module
    inputs: dict[str, Tensor]
    axes: dict[str, Axes]  # of inputs and outputs
    outputs: tuple[str, ...]
    fill: int = 0  # what the state of a language model is full of before a text begins

    def first_state(self, rows: int) -> list[Tensor]:
        """What stands behind `ids` before a text begins; nothing where there is no state."""
        sizes = {"batch": rows, "past": 0}
        return [
            given.new_full(
                [sizes.get(self.axes[name].get(axis, ""), size) for axis, size in enumerate(given.shape)], self.fill
            )
            for name, given in self.inputs.items()
            if name.startswith("state_")
        ]

    @contextmanager
    def exportable(self) -> Iterator[None]:
        """Within it the net is made of what exporters can follow; what it answers stays the same."""
        with ExitStack() as stack:
            model = self.net.get_submodule("model")
            stack.enter_context(torch.no_grad())
            stack.enter_context(bags.spread(model))
            stack.enter_context(recurrent.scanned(model))
            yield

    def program(self) -> torch.export.ExportedProgram:
        """The graph of `net`, with its weights."""
        free = tuple({axis: torch.export.Dim.DYNAMIC for axis in self.axes[name]} for name in self.inputs)
        inputs = tuple(each.clone() for each in self.inputs.values())  # guards of a view would ask what it is a view of
        return torch.export.export(self.net, inputs, dynamic_shapes=(free,))


def of(trained: Trained) -> Interface:
    """UserError for a model that no graph holds, with the part of it that is why."""
    task, model = trained.task, trained.model
    if why := hindrance(task, model):
        vectors = hasattr(model, "word_vectors")
        other = "Its word vectors can: --to word2vec" if vectors else "Its weights can: --to safetensors"
        raise UserError(f"{trained.where} can't be exported so: {why}. {other}.")
    if isinstance(task, LanguageModel):
        return language_model(trained)
    assert isinstance(task, Regress | Classify | Translate)
    inputs, free = example(task)
    outputs = "y" if isinstance(task, Regress) else "logits"
    axes = {**free, outputs: {0: "batch", 1: "target_length"} if isinstance(task, Translate) else {0: "batch"}}
    return Interface(Asked(task, model), inputs, axes, (outputs,))


def hindrance(task: Task, model: nn.Module) -> str:
    """Why a model has no graph; empty where it may have one."""
    if isinstance(model, NGram):
        return (
            "NGram looks its text up in tables, as many places of them as the text has, and a graph's steps are fixed"
        )
    if isinstance(model, Seq2Seq) and model.attention == "bahdanau":
        return "Bahdanau's attention makes one word after another, in a loop that a graph would fix to one length"
    if not isinstance(task, LanguageModel | Regress | Classify | Translate):
        return f"its task, {type(task).__name__}, gives {type(model).__name__} no input of a user's to answer"
    return ""


def example(
    task: Regress | Classify | Translate, rows: int = ROWS, steps: int = STEPS, seed: int = 0
) -> tuple[dict[str, Tensor], dict[str, Axes]]:
    """Inputs of no meaning but the right shape, by name, and their free axes."""
    sizes, draw = task.schema.sizes, torch.Generator().manual_seed(seed)
    batch, lengths = {0: "batch"}, torch.tensor([steps, *range(steps, steps - rows + 1, -1)]).clamp(min=1)

    def ids(size: int, steps: int = steps) -> Tensor:
        return torch.randint(size, (rows, steps), generator=draw)

    if isinstance(task, Translate):
        inputs = {
            "source": ids(task.size("source_vocab_size")),
            "lengths": lengths,
            "target": ids(task.size("target_vocab_size"), steps + 1),
        }
        axes = {"source": {**batch, 1: "source_length"}, "target": {**batch, 1: "target_length"}}
        return inputs, {**axes, "lengths": batch}
    if isinstance(task, ClassifyTexts):
        return {"ids": ids(task.size("vocab_size")), "lengths": lengths}, {
            "ids": {**batch, 1: "length"},
            "lengths": batch,
        }
    image = task.schema.inputs == "image"
    shape = [sizes[name] for name in (("in_channels", "height", "width") if image else ("in_features",))]
    return {"x": torch.randn(rows, *shape, generator=draw)}, {"x": batch}


def language_model(trained: Trained) -> Interface:
    """`ids` and each tensor of a state -> `logits` and each tensor of the state that follows."""
    size, model = trained.task.size("vocab_size"), trained.model
    ids = torch.randint(size, (ROWS, STEPS), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        after: Output = model(ids, None)
    states = {f"state_{number}": part for number, part in enumerate(flat(after.state))}
    if not states:
        raise UserError(f"{trained.where} can't be exported so: its model answers no state.")
    with torch.no_grad():
        wider = flat(model(torch.cat([ids, ids]), None).state)
        shorter = flat(model(ids[:, :1], None).state)  # not longer: a past may be cut
    axes: dict[str, Axes] = {"ids": {0: "batch", 1: "length"}, "logits": {0: "batch", 1: "length"}}
    for (name, part), more, less in zip(states.items(), wider, shorter, strict=True):
        axes[name] = changed(part, more, "batch") | changed(part, less, "past")
        axes[f"new_{name}"] = {axis: "new_past" if each == "past" else each for axis, each in axes[name].items()}
    net, outputs = Stepped(model, shape_of(after.state)), ("logits", *(f"new_{name}" for name in states))
    fill = model.nothing if isinstance(model, NNLM) else 0
    made = Interface(net, {"ids": ids, **states}, axes, outputs, fill)
    with torch.no_grad():
        if not torch.allclose(net(ids, *made.first_state(ROWS))[0], after.logits, atol=1e-6):
            raise UserError(f"{trained.where} can't be exported so: its model's first state is not one of zeros.")
    return made


def changed(one: Tensor, other: Tensor, name: str) -> Axes:
    return {axis: name for axis, size in enumerate(one.shape) if other.shape[axis] != size}


class Asked(nn.Module):
    """A regression, a classifier or a translation as its task asks it."""

    def __init__(self, task: Regress | Classify | Translate, model: nn.Module):
        super().__init__()
        self.model, self.ask = model, task.logits if isinstance(task, Classify) else None

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.model(*inputs) if self.ask is None else self.ask(self.model, inputs)


Shape = tuple["Shape", ...] | None  # of a state: None for each tensor


class Stepped(nn.Module):
    """A language model whose state lies flat: `shape` is that of the model's own, with None for each tensor."""

    def __init__(self, model: nn.Module, shape: Shape):
        super().__init__()
        self.model, self.shape = model, shape

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        ids, *states = inputs
        answer: Output = self.model(ids, filled(self.shape, iter(states)))
        return (answer.logits, *flat(answer.state))


def flat(state: State) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    return [tensor for part in state or () for tensor in flat(part)]


def shape_of(state: State) -> Shape:
    return tuple(map(shape_of, state)) if isinstance(state, tuple) else None


def filled(shape: Shape, tensors: Iterator[Tensor]) -> State:
    return next(tensors) if shape is None else tuple(filled(part, tensors) for part in shape)
