"""What a person is told of a training: what trains on what, and at its end the result and what to type next."""

from dlrun import console
from dlrun.config.assemble import Components, RunSpec
from dlrun.config.settings import Settings
from dlrun.device import not_compiled
from dlrun.run.evaluate import baseline
from dlrun.run.folder import RunDir
from dlrun.run.state import TrainState
from dlrun.run.trainer import Trainer
from dlrun.task.base import Generator, Predictor
from dlrun.terminal.plain import amount, command
from dlrun.text.embeddings import WordEmbedding


def introduce(run: RunDir, spec: RunSpec, parts: Components, step: int) -> None:
    chosen, task = spec.config["choices"], parts.task
    count = sum(parameter.numel() for parameter in parts.model.parameters())
    data = parts.data_facts["name"] if parts.data.sha256 else chosen.get("data")
    what = f"{chosen.get('model')} ({amount(count, 'parameter')}) on {data} with {chosen.get('optim')}"
    for line in () if step else parts.data.said:
        console.say(line)
    if step:
        console.say(f"going on with {what} from step {step:,}")
    else:
        console.say(f"training {what}, {parts.device}; goal: {task.goal}")
    console.say(f"run: {run.path}")
    caution(spec, parts)


def caution(spec: RunSpec, parts: Components) -> None:
    """What is to be known of this data and these settings before one trusts a result of theirs."""
    for note in filter(None, (parts.data.note, parts.task.note)):
        console.warn(note)
    if spec.settings.compile and (names := not_compiled(parts.model)):
        console.warn(f"trainer.compile=true makes nothing faster here: torch's compiler leaves {names} as they are.")
    size, asked = parts.task.capacity(), spec.config["batch_size"]
    if asked > size:
        console.warn(
            f"batch_size={asked} is more than the {amount(size, 'training example')}: it trains on all at once."
        )


def show_result(trainer: Trainer, run: RunDir, spec: RunSpec) -> None:
    state, task = trainer.state, trainer.task
    lines = [f"{trainer.goal_tag} {console.number(state.best)} at step {state.best_step:,} (best)"]
    nothing = baseline(task).get(trainer.goal_tag)
    if nothing is not None:
        lines += [f"baseline {console.number(nothing)}: {task.baseline_answer}"]
    lines += [
        f"{tag} {console.number(value)}" for tag, value in sorted(state.metrics.items()) if tag.startswith("test/")
    ]
    lines += [f"{trainer.elapsed():.1f} s, {run.path}"]
    sample = task.shown_sample(trainer.model, trainer.seed)
    lines += ["", *sample[1].split("\n")] if sample else []
    trust = [word for package in spec.trusted for word in ("--trust", package)]
    follow = asks(trainer, sample[0] if sample else None)
    if trainer.learns:
        follow.append(["resume", *further(trainer.settings, trainer.state)])
    typed = [command(verb, run.path, *words, *trust) for verb, *words in follow]
    console.panel("done", lines)
    if warning := worth(state.best, nothing, trainer):
        console.warn(warning)
    for start, line in zip(("next: ", *["      "] * len(typed)), (*typed, "dlrun tensorboard"), strict=True):
        console.say(start + line)  # below the frame, which would break a line that is to be copied


def worth(best: float | None, baseline: float | None, trainer: Trainer) -> str:
    """What is to be said of a result that is none, or that the baseline has as well; "" of a better one."""
    if best is None:
        return (
            f"{trainer.goal_tag} never had a value, so there is no best.pt: its part is too small for it, or was cut."
        )
    if baseline is None or (best < baseline if trainer.mode == "min" else best > baseline):
        return ""
    return (
        f"{trainer.goal_tag} is no better than the baseline, which looks at no input ({trainer.task.baseline_answer}): "
        "the model has learned nothing of use yet. Train longer, or try another optim.lr."
    )


def asks(trainer: Trainer, prompt: str | None) -> list[list[str]]:
    """What the model can be asked, each a verb and its words."""
    task, schema, vocab = trainer.task, trainer.task.schema, trainer.task.schema.vocab
    if prompt is not None:
        return [["sample" if isinstance(task, Generator) else "predict", prompt], ["eval"]]
    if isinstance(task, Predictor) and schema.columns is not None:
        return [["eval"], ["predict", "NEW.csv", "--to", "ANSWERS.csv"]]
    if isinstance(task, Predictor):
        example = "PICTURE.png" if schema.inputs == "image" else ",".join(["0"] * schema.sizes.get("in_features", 0))
        example = "so great" if vocab else example
        return [["eval"], *([["predict", example]] if len(example) < 100 else [])]  # else too long to be typed
    if vocab is not None and isinstance(trainer.model, WordEmbedding):
        return [["neighbors", vocab.tokens[len(vocab) // 8]], ["eval"]]
    return [["eval"]]


def further(settings: Settings, state: TrainState) -> list[str]:
    """The settings that let a run go on which has ended: each limit that it has reached, raised."""
    reached = {
        "epochs": settings.epochs and state.epoch >= settings.epochs and 2 * state.epoch,
        "max_steps": settings.max_steps and state.step >= settings.max_steps and 2 * state.step,
        "patience": settings.patience and state.stale >= settings.patience and state.stale + settings.patience,
    }
    return [f"trainer.{key}={value}" for key, value in reached.items() if value]
