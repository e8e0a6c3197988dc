"""`dlrun eval RUN`: one pass over a split, printed under the contract's tags and added to the summary."""

from dlrun import console
from dlrun.config import own_data
from dlrun.errors import UserError
from dlrun.run.folder import RunDir
from dlrun.store import kept
from dlrun.verbs.parser import saved_override, verb


def run(argv: list[str]) -> None:
    parser = verb("eval", "Metrics of a run's model on one of its parts.", json=True)
    parser.add_argument("overrides", nargs="*", default=[], metavar="data.path=FILE", help="where its file is now")
    parser.add_argument("--split", choices=["train", "val", "test"], help="default: test where there is one")
    parser.add_argument("--checkpoint", choices=["best", "last"], default="best")
    arguments = parser.parse_args(argv)
    run_dir = RunDir.open(arguments.run)
    overrides = dict(moved_file(each) for each in arguments.overrides)

    from dlrun.run import saved
    from dlrun.run.evaluate import evaluate

    spec, parts = saved.open_components(
        run_dir, checkpoint=arguments.checkpoint, trust=arguments.trust, overrides=overrides
    )
    splits = parts.task.splits
    split = arguments.split or ("test" if "test" in splits else "train")
    if split not in splits:
        raise UserError(f"{run_dir.path} has no {split} part. Possible: {', '.join(splits)}.")
    metrics = evaluate(parts.task, parts.model, parts.device, split, spec.config["batch_size"])
    assert metrics is not None  # nobody asked it to stop
    if arguments.json:
        console.json_out(metrics)
    else:
        rows = [[tag, console.number(value)] for tag, value in metrics.items()]
        console.table(f"{run_dir.path} ({arguments.checkpoint}.pt)", ["metric", "value"], rows)
    keep(run_dir, metrics)


def moved_file(text: str) -> tuple[str, object]:
    if text.partition("=")[0] not in own_data.PATHS:
        raise UserError(
            f"{text}: a run is evaluated as it was trained; only {', '.join(sorted(own_data.PATHS))} are typed."
        )
    return saved_override(text)


def keep(run_dir: RunDir, metrics: dict[str, float]) -> None:
    """In the run's summary, where that can be written: what was computed has been printed already."""
    try:
        summary = run_dir.read_summary()
        if summary:
            summary["metrics"] = {**summary.get("metrics", {}), **metrics}
            run_dir.write_summary(summary)
    except OSError as error:
        console.warn(f"{run_dir.path}/summary.json does not say so: {kept.reason(error)}")
    except UserError as error:
        console.warn(str(error))
