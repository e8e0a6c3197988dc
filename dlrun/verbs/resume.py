"""`dlrun resume RUN [OVERRIDES]`: goes on exactly where a run stopped, in the same folder."""

from __future__ import annotations

from typing import Any

from dlrun import compose
from dlrun.errors import UserError
from dlrun.rundir import RunDir
from dlrun.verbs.parser import verb

# Another value would be another run; what optim and scheduler say is in the checkpoint as well, which wins.
FIXED = ("model", "data", "task", "optim", "scheduler", "seed", "batch_size", "folder", "choices", "stand_in")


def run(argv: list[str]) -> None:
    parser = verb("resume", "Goes on exactly where a run stopped; trainer.epochs=20 extends it.")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    arguments = parser.parse_args(argv)
    run_dir = RunDir.open(arguments.run)
    overrides = dict(read_override(each) for each in arguments.overrides)

    from dlrun import assemble, console, session

    plans = session.open_plans(run_dir, trust=arguments.trust, overrides=overrides)
    if run_dir.in_use():
        raise UserError(f"{run_dir.path} is in use: another dlrun is training it. Wait for it or stop it.")
    summary = run_dir.read_summary()
    if summary.get("status") == "completed" and not overrides:
        raise UserError(
            f"{run_dir.path} is complete: {summary['epoch']} epochs, {summary['step']:,} steps. "
            f"To go further type: dlrun resume {arguments.run} trainer.epochs={summary['epoch'] * 2 or 10}"
        )
    parts = assemble.build_parts(plans)
    engine = assemble.build_optim(plans, parts.model, parts.task)
    session.warn_of_other_data(run_dir, parts)
    if overrides:
        run_dir.write_config(plans.config)
        console.say(f"changed: {' '.join(arguments.overrides)}")
    session.train(
        run_dir, plans, parts, engine, overrides=summary.get("overrides", []) + arguments.overrides, go_on=True
    )


def read_override(text: str) -> tuple[str, Any]:
    """`trainer.epochs=20` -> ("trainer.epochs", 20)"""
    key, value = compose.value_override(text)
    if key.split(".")[0] in FIXED:
        raise UserError(f"{key} belongs to the run and can't change when it goes on. Start a new one: dlrun {text} …")
    return key, value
