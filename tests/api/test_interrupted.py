"""Ctrl-C at any moment of a call from Python, also while torch is imported: the next call is as new."""

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import dlrun

SHORT = ("model=mlp", "data=airfoil", "stand_in=always", "device=cpu", "trainer.epochs=1", "trainer.limit_batches=3")
FIRST = """
import os, signal, sys

class Press:
    "Ctrl-C in the midst of the import of one module."
    pressed = False
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1] and not self.pressed:
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)

import dlrun
press = Press()
sys.meta_path.insert(0, press)
handler = signal.getsignal(signal.SIGINT)
try:
    dlrun.train(*sys.argv[2:]) if sys.argv[2:] else dlrun.open("run").predict("1,2,3,4,5")
except (KeyboardInterrupt, dlrun.Stopped) as stopped:
    print(type(stopped).__name__)
assert press.pressed and signal.getsignal(signal.SIGINT) is handler
print(dlrun.train(*sys.argv[2:]).metrics["val/mse"] if sys.argv[2:] else dlrun.open("run").predict("1,2,3,4,5"))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dlrun.Run:
    return dlrun.train(*SHORT, f"folder={tmp_path_factory.mktemp('a')}/run")


@pytest.mark.slow
@pytest.mark.parametrize("module", ["hydra.core.plugins", "omegaconf.dictconfig", "numpy.linalg", "torch.nn.modules"])
def test_the_first_training_is_stopped_while_it_imports(module: str, run: dlrun.Run, tmp_path: Path) -> None:
    ended, metric = first(tmp_path, module, *SHORT)
    assert ended == "KeyboardInterrupt" and float(metric) == run.metrics["val/mse"]


@pytest.mark.slow
@pytest.mark.parametrize("module", ["numpy.linalg", "torch.nn.modules", "dlrun.verbs.predict"])
def test_the_first_answer_is_stopped_while_it_imports(module: str, run: dlrun.Run) -> None:
    ended, answers = first(run.folder.parent, module)
    assert ended == "KeyboardInterrupt" and answers == str(run.predict("1,2,3,4,5"))


def first(folder: Path, *arguments: str) -> list[str]:
    words = [sys.executable, "-c", FIRST, *arguments]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.mark.slow
def test_stopped_at_random_moments_it_leaves_nothing_behind(
    run: dlrun.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.test_scope import state

    monkeypatch.chdir(tmp_path)
    draw, ended, before = random.Random(0), set(), state()
    for _ in range(25):
        timer = threading.Timer(draw.random() * 0.6, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
        timer.start()
        try:
            dlrun.train(*SHORT)
            ended.add("completed")
        except (KeyboardInterrupt, dlrun.Stopped) as stopped:
            ended.add(type(stopped).__name__)
        finally:
            try:
                timer.cancel()
                timer.join()
            except KeyboardInterrupt:
                pass
        after = state()
        assert {key for key in after if after[key] != before[key]} == set()
    assert ended and dlrun.train(*SHORT).metrics["val/mse"] == run.metrics["val/mse"]
    assert not list(tmp_path.rglob("*.tmp"))
