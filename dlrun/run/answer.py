"""A trained model that answers: from its checkpoint alone, without data, network, optimizer or global state."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dlrun import init
from dlrun.config import assemble, catalogue
from dlrun.config.assemble import Given, RunSpec
from dlrun.data.base import Schema
from dlrun.errors import DlrunError, UserError
from dlrun.run import checkpoint, saved
from dlrun.run.evaluate import load_weights
from dlrun.run.folder import RunDir, best_checkpoint
from dlrun.run.records import Config
from dlrun.store.decode import record
from dlrun.task.base import Answer, Example, Predictor, Task
from dlrun.text.embeddings import KeyedVectors, SubwordEmbedding, WordEmbedding, no_vector, read_vectors

DRAWN = {Tensor.uniform_, Tensor.normal_, Tensor.bernoulli_}
DRAWN |= {
    nn.init.uniform_,
    nn.init.normal_,
    nn.init.kaiming_uniform_,
}  # torch hands these over whole


@dataclass(frozen=True)
class Trained:
    """A task and its model in eval mode, on the CPU. `where`: the run or the checkpoint's file."""

    where: Path
    task: Task
    model: nn.Module
    config: dict[str, object] = field(default_factory=dict)  # as the checkpoint says it

    @classmethod
    def open(cls, folder: Path, name: str, trust: Sequence[str]) -> Trained:
        """A checkpoint's file below a folder. A run of before there were schemas asks its data."""
        state, in_a_run = checkpoint.read(folder, name), "/" in name
        where = folder if in_a_run else folder / name
        if "schema" in state:
            return cls.of(where, state, trust)
        if not in_a_run:
            raise UserError(
                f"{where} has no schema: an older dlrun made it. Type its run's folder, which asks its data."
            )
        spec, parts = saved.open_components(RunDir(folder), trust=trust)
        parts.task.to(torch.device("cpu"))
        return cls(where, parts.task, parts.model.cpu(), spec.config)

    @classmethod
    def of(cls, where: Path, state: dict[str, object], trust: Sequence[str]) -> Trained:
        schema = Schema.from_state_dict(state["schema"], str(where))
        try:
            config = dict(record(state.get("config"), Config))
        except ValueError as error:
            raise UserError(f"{where} has no config that can be read: {error}") from error
        if lacking := [key for key in ("choices", "task", "model") if key not in config]:
            raise UserError(f"{where} has no config that can be read: it has no {lacking[0]}.")
        catalogue.fill_in(config)
        task_plan, model_plan = assemble.check_answering(config, trust)
        with understood(where):
            task = task_plan(schema=schema)
            if missing := model_plan.missing(task.sizes):
                raise UserError(f"{where} can't be opened: its schema has no {missing[0]}, which its model needs.")
            with torch.random.fork_rng(devices=[]), Undrawn():
                model = assemble.build_model(model_plan, task)
        load_weights(model, state)
        return cls(where, task, model.eval(), config)

    def predict(self, examples: Sequence[Example]) -> list[Answer | UserError]:
        """In order; for an example that can't be read why. UserError for a task that does not predict."""
        if not isinstance(self.task, Predictor):
            raise UserError(f"{self.where} can't predict: its task is {type(self.task).__name__}.")
        with understood(self.where):
            return self.task.predict(self.model, examples)

    def embeddings(self) -> KeyedVectors:
        """UserError for a model without word vectors."""
        vocab = self.task.schema.vocab
        if vocab is None or not isinstance(self.model, WordEmbedding):
            raise UserError(f"{self.where} has no word vectors. Train some: dlrun model=skipgram")
        with torch.no_grad():
            vectors = self.model.word_vectors().detach().float()
        if len(vectors) != len(vocab):
            raise UserError(f"{self.where}: {len(vectors):,} vectors are not of its {len(vocab):,} words.")
        model = self.model
        spelled = torch.no_grad()(model.oov_vector) if isinstance(model, SubwordEmbedding) else no_vector
        return KeyedVectors(str(self.where), vocab.tokens, vectors, spelled)


def given_vectors(spec: RunSpec) -> tuple[Given | None, Path | None]:
    """What init=vectors starts from, for the words of a vocabulary, and its run, which is opened at once."""
    options = spec.init.options
    if spec.init.target is not init.vectors:
        return None, None
    if (options["file"] is None) == (options["run"] is None):
        raise UserError("init=vectors takes them from one place. Type init.file=FILE or init.run=RUN")
    if options["file"] is None:
        trained = Trained.open(*best_checkpoint(str(options["run"])), spec.trusted)
        found = trained.embeddings()
        return lambda words: found, trained.where
    path = Path(str(options["file"]))
    if not os.path.isfile(path):
        raise UserError(f"init.file={path}: there is no such file.")
    return (
        lambda words: read_vectors(path, {spelled for word in words for spelled in (word, word.removeprefix(" "))}),
        None,
    )


@contextmanager
def understood(where: Path) -> Iterator[None]:
    """Around what a stranger's schema and model are asked: UserError where they do not go together."""
    try:
        yield
    except DlrunError:
        raise
    except (RuntimeError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        detail = (str(error).splitlines() or [""])[0][:100]
        raise UserError(f"{where}: its schema and its model do not go together ({detail}).") from error


class Undrawn(TorchFunctionMode):
    """Weights that a checkpoint overwrites need not be drawn: of a large model that is most of its opening."""

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        return (args[0] if args else kwargs["tensor"]) if func in DRAWN else func(*args, **kwargs)
