"""`dlrun resume RUN [OVERRIDES]`: goes on exactly where a run stopped, in the same folder."""

from argparse import Namespace
from pathlib import Path

from dlrun.config import catalogue, compose, own_data
from dlrun.config.trust import look_beside, packages
from dlrun.errors import UserError
from dlrun.run.folder import RunDir
from dlrun.sweep.folder import SweepDir, is_sweep
from dlrun.terminal.plain import amount, command
from dlrun.verbs.parser import a_folder, saved_override, verb

# Another value would be another run; what optim and scheduler say is in the checkpoint as well, which wins.
FIXED = (*catalogue.BUILT, "seed", "batch_size", "folder", "choices", "stand_in")


def run(argv: list[str]) -> None:
    parser = verb("resume", "Goes on exactly where a run or sweep stopped; trainer.epochs=20 extends a run.", run=False)
    parser.add_argument("run", nargs="?", type=a_folder, metavar="RUN", help="a run's or sweep's folder, or `last`")
    parser.add_argument("overrides", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--checkpoint", choices=["best", "last"], help="of a run: go on from this one alone")
    parser.add_argument("--config-dir", metavar="DIR", help="of a sweep: where configs of your own are")
    parser.add_argument("--retry-failed", action="store_true", help="of a sweep: also the jobs that failed")
    parser.add_argument(
        "--extend", nargs="+", metavar="KEY=VALUES", default=[], help="of a sweep: more jobs, such as optim.lr=0.3"
    )
    arguments = parser.parse_args(argv)
    if arguments.run is None and arguments.extend and "=" not in arguments.extend[-1]:  # --extend KEY=VALUES SWEEP
        arguments.run = arguments.extend.pop()
    if arguments.run is None:
        parser.error("the following arguments are required: RUN")
    if is_sweep(Path(arguments.run)):
        resume_sweep(arguments)
    elif arguments.retry_failed or arguments.extend:
        raise UserError(f"--retry-failed and --extend are for sweeps, and {arguments.run} is none.")
    else:
        resume_run(arguments)


def resume_run(arguments: Namespace) -> None:
    run_dir = RunDir.open(arguments.run)
    overrides = dict(read_override(each) for each in arguments.overrides)

    from dlrun.run import saved, session

    spec = saved.open_spec(run_dir, trust=arguments.trust, overrides=overrides)
    if run_dir.in_use():
        raise UserError(f"{run_dir.path} is in use: another dlrun is training it. Wait for it or stop it.")
    summary = run_dir.read_summary()
    moved = all(key.startswith(("device.", "data.")) for key in overrides)  # only to another device, or nowhere
    if summary.get("status") == "completed" and moved and not arguments.checkpoint:
        if summary.get("parameters") == 0:  # it has no steps, whatever its epochs
            look = command("eval", arguments.run)
            raise UserError(f"{run_dir.path} is complete: its model only counts, and has. Look at it: {look}")
        epochs, step, most = summary.get("epoch", 0), summary.get("step", 0), spec.settings.max_steps
        limit = f"trainer.max_steps={2 * step}" if most and step >= most else f"trainer.epochs={epochs * 2 or 10}"
        further = command("resume", arguments.run, limit, *arguments.overrides)
        raise UserError(
            f"{run_dir.path} is complete: {amount(epochs, 'epoch')}, {amount(step, 'step')}. "
            f"To go further type: {further}"
        )
    session.resume(
        run_dir,
        spec,
        overrides=summary.get("overrides", []) + arguments.overrides,
        checkpoint=arguments.checkpoint,
        changed=arguments.overrides,
    )


def resume_sweep(arguments: Namespace) -> None:
    if arguments.overrides:
        raise UserError(
            f"{arguments.run} is a sweep, whose jobs keep their values. "
            f"For more jobs type: {command('resume', arguments.run, '--extend', *arguments.overrides)}"
        )
    from dlrun.sweep import again, jobs

    sweep, trusted = SweepDir.open(Path(arguments.run)), packages(arguments.trust, "--trust {}")
    look_beside(arguments.config_dir)
    if arguments.retry_failed and sweep.facts()["kind"] != "grid":
        raise UserError(
            f"{sweep.path} is a search, in which a trial that failed counts as tried. Leave --retry-failed out."
        )
    listed = sweep.facts()["kind"] == "grid" and sweep.job_lines()  # one that was killed before that makes them again
    if listed and not arguments.extend:
        jobs.resume(sweep, trusted=trusted, retry_failed=arguments.retry_failed)
        return
    from dlrun.verbs.train import sweep_job

    saved = again.command_of(sweep, trusted, arguments.config_dir)
    jobs.run(compose.read(again.extended(saved, arguments.extend)), sweep_job, into=sweep)


def read_override(text: str) -> tuple[str, object]:
    """`trainer.epochs=20` -> ("trainer.epochs", 20)"""
    key, value = saved_override(text)
    if (key.split(".")[0] in FIXED or key == "trainer.init_from") and key not in own_data.PATHS:
        raise UserError(
            f"{key} belongs to the run and can't change when it goes on. Start a new one: {command(text)} …"
        )
    return key, value
