"""What lies in the working folder is never run: modules named like ours, a repository's config, start files, plugins.

These are real processes, as helpers of theirs find their modules anew.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from chaos.hostile.world import LM, World

FULL = os.environ.get("DLRUN_CHAOS") == "full"
NAMES = [
    "socket",
    "torch",
    "numpy",
    "yaml",
    "rich",
    "random",
    "selectors",
    "hydra",
    "omegaconf",
    "dlrun",
    "tensorboard",
    "optuna",
    "msgspec",
    "filelock",
    "sitecustomize",
    "usercustomize",
    "multiprocessing",
    "joblib",
    "pickle",
    "logging",
    "queue",
    "site",
    "encodings",
]
SWEEP = ["-m", "model=linear", "optim.lr=0.1,0.2", "trainer.max_steps=2", "trainer.limit_batches=2", "device=cpu"]
COMMANDS = {
    "resume a sweep": ["resume", "."],
    "tensorboard": ["tensorboard", ".", "--port", "0"],
    "a sweep": SWEEP,
    "a sweep by joblib": [*SWEEP, "hydra/launcher=joblib"],
    "a search": [*SWEEP, "hydra/sweeper=optuna", "hydra.sweeper.trials=2"],
    "runs": ["runs", "."],
    "a training": ["model=linear", "trainer.max_steps=2", "device=cpu"],
    "eval": ["eval", "0-linear-synthetic_linear"],
    "rerun": ["rerun", "0-linear-synthetic_linear"],
    "list": ["list"],
    "help": ["--help"],
    "sample": [*LM, "trainer.max_steps=1"],
}


def planted(folder: Path, world: World) -> None:
    """The sweep's jobs wait, and everything that Python, Hydra or git could pick up lies beside them."""
    for job in folder.glob("[0-9]*"):
        if job.name.startswith("1"):
            (job / "summary.json").unlink()
            (job / "checkpoints" / "last.pt").unlink()
    for name in NAMES:
        (folder / f"{name}.py").write_text(f"open('{world.canary}/{name}', 'w')\nraise SystemExit('{name} was run')\n")
    plugin = folder / "hydra_plugins" / "evil"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").write_text(f"open('{world.canary}/plugin', 'w')\n")
    (folder / "conf").mkdir()
    (folder / "conf" / "config.yaml").write_text("evil: true\n")
    (folder / ".env").write_text(f"PYTHONSTARTUP={folder}/socket.py\n")


def repository(folder: Path, world: World) -> None:
    """A repository whose config names programs that git itself would run."""
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "-q", "."], cwd=folder, check=True)
    hook = folder / "hook.sh"
    hook.write_text(f"#!/bin/sh\ntouch {world.canary}/git\ncat\n")
    hook.chmod(0o755)
    (folder / ".gitattributes").write_text("* filter=evil\n")
    subprocess.run([*git, "add", "config.yaml"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], cwd=folder, check=True)
    for key in ("core.fsmonitor", "filter.evil.clean", "core.sshCommand", "core.pager", "diff.external"):
        subprocess.run(["git", "config", key, str(hook)], cwd=folder, check=True)
    os.utime(folder / "config.yaml", (1, 1))


@pytest.mark.parametrize("name", COMMANDS if FULL else list(COMMANDS)[:3])
def test_modules_in_the_working_folder(world: World, name: str) -> None:
    world.receive("sweep", planted)
    program = Path(sys.executable).with_name("dlrun")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | world.env
    process = subprocess.Popen(
        [program, *COMMANDS[name]], cwd=world.here, env=environment, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=15 if name == "tensorboard" else 120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        said, _ = process.communicate()
        assert name == "tensorboard", said
    assert not world.changes(), said
    assert "Traceback" not in said, said
    if name != "tensorboard":
        assert process.returncode == 0, said


@pytest.mark.parametrize("command", [["resume", ".", "trainer.max_steps=6"], ["rerun", "."], ["eval", "."]])
def test_a_repository_s_config_names_no_program(world: World, command: list[str]) -> None:
    world.receive("run", repository)
    answer = world.call(*command, cwd=world.here)
    assert not world.changes()
    assert answer.code == 0 and not answer.problems(), answer
