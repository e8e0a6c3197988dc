"""Folders of older versions: every later one opens them, or says what to do.

A test across modules. Those that version 0.1.0 left are kept in tests/fixtures; others are today's with keys taken out.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from runs import Cli, Run

KEPT = Path(__file__).parents[1] / "fixtures" / "0.1.0"
LINEAR, GRU, SWEEP = "linear-synthetic_linear", "gru-jaychou_lyrics", "sweep"


@pytest.fixture
def old(cli: Cli, tmp_path: Path) -> Cli:
    """dlrun in a folder that has copies of them."""
    for name in (LINEAR, GRU, SWEEP):
        shutil.copytree(KEPT / name, tmp_path / name)
    return cli


@pytest.mark.parametrize("name", [LINEAR, GRU])
def test_eval_gives_the_figures_of_then(old: Cli, name: str) -> None:
    recorded = Run(KEPT / name).summary["metrics"]
    for split in ("val", "test"):
        code, out, err = old("eval", name, "--split", split, "--json")
        assert code == 0, err
        figures = json.loads(out)
        assert figures == pytest.approx({tag: recorded[tag] for tag in figures}, rel=1e-5)
        assert "digests differ" not in err


def test_it_goes_on_as_it_would_have_then(old: Cli) -> None:
    code, _, err = old("resume", LINEAR, "trainer.epochs=4")
    assert code == 0, err
    lines, before = Run(LINEAR).metrics, Run(KEPT / LINEAR).metrics
    assert lines[: len(before)] == before
    assert lines[-2]["step"] == 64 and lines[-2]["val/mse"] == pytest.approx(1.7909930198613437, rel=1e-5)
    code, _, err = old("resume", GRU, "trainer.epochs=3")
    assert code == 0 and Run(GRU).summary["step"] == 18, err


def test_answers(old: Cli) -> None:
    code, out, err = old("predict", LINEAR, "1,2", "--json")
    assert code == 0, err
    assert json.loads(out)[0]["prediction"] == pytest.approx(-0.37439727783203125, rel=1e-5)
    code, out, err = old("sample", GRU, "雨", "--length", "9", "--json")
    assert code == 0 and len(json.loads(out)["text"]) >= 9, err


def test_listed_and_compared(old: Cli) -> None:
    code, out, err = old("runs", ".", "--json")
    assert code == 0, err
    found = {(row["status"], row["model"], row["best"]) for row in json.loads(out)}
    assert found == {
        ("completed", "gru" if name == GRU else "linear", Run(KEPT / name).summary["goal"]["best"])
        for name in (LINEAR, GRU, f"{SWEEP}/0-{LINEAR}")
    }
    code, out, err = old("compare", LINEAR, f"{SWEEP}/0-{LINEAR}", "--json")
    assert code == 0 and "trainer.epochs" in out, err


@pytest.mark.slow
def test_a_sweep_goes_on(old: Cli) -> None:
    """Of its two jobs one was not yet trained."""
    code, _, err = old("resume", SWEEP)
    assert code == 0, err
    rows, then = (json.loads((at / "leaderboard.json").read_text())["jobs"] for at in (Path(SWEEP), KEPT / SWEEP))
    assert [(row["job"], row["status"]) for row in rows] == [(1, "completed"), (0, "completed")]
    assert [row["best"] for row in rows] == pytest.approx([row["best"] for row in then], rel=1e-5)


# of before a key existed


def aged(folder: Path, *lost: str) -> None:
    """Takes keys out of a run's config.yaml, as if they had not been there yet."""
    path = folder / "config.yaml"
    config = Run(folder).config
    for key in lost:
        *above, name = key.split(".")
        node = config
        for step in above:
            node = node[step]
        del node[name]
    path.write_text(yaml.safe_dump(config, sort_keys=False))


@pytest.mark.slow
def test_opened_with_today_s_values(cli: Cli) -> None:
    assert cli("model=point", "optim.lr=0.4", "device=cpu", "folder=run")[0] == 0
    code, out, err = cli("eval", "run", "--json")
    before = json.loads(out)
    assert code == 0 and "older" not in err
    aged(Path("run"), "init", "choices.init", "task.bound", "trainer.clip")
    code, out, err = cli("eval", "run", "--json")
    assert code == 0 and json.loads(out) == before
    assert "run is older than trainer.clip, init, task.bound: today's values are taken" in " ".join(err.split())
    assert cli("resume", "run", "trainer.epochs=22", "trainer.clip=1.0")[0] == 0
    saved = Run("run").config
    assert (saved["task"]["bound"], saved["trainer"]["clip"], saved["choices"]["init"]) == (1e3, 1.0, "default")


# of a version that is still to come


@pytest.mark.parametrize("verb", [["eval"], ["resume", "trainer.epochs=9"], ["predict", "1,2"]])
def test_a_newer_checkpoint(old: Cli, tmp_path: Path, verb: list[str]) -> None:
    for path in (tmp_path / LINEAR / "checkpoints").iterdir():
        torch.save(Run(LINEAR).state(path.stem) | {"format": 99, "model": "of another shape"}, path)
    name, *more = verb
    code, _, err = old(name, LINEAR, *more)
    assert code == 2
    assert "has format 99, and this dlrun reads 1: a newer dlrun made it. Update dlrun to open it." in said(err)


def test_a_newer_run(old: Cli, tmp_path: Path) -> None:
    """What this version doesn't know is explained; a newer run that has nothing new is opened."""
    summary = Run(LINEAR).summary
    summary["versions"]["dlrun"] = "99.1.0"
    (tmp_path / LINEAR / "summary.json").write_text(json.dumps(summary))
    code, _, err = old("eval", LINEAR, "--json")
    assert code == 0, err
    config = tmp_path / LINEAR / "config.yaml"
    config.write_text(config.read_text().replace("  compile: false\n", "  compile: false\n  hologram: true\n"))
    code, _, err = old("eval", LINEAR)
    assert code == 2 and "hologram" in err
    assert "The run was made with dlrun 99.1.0, and this is dlrun" in said(err)


def test_a_newer_sweep(old: Cli, tmp_path: Path) -> None:
    path = tmp_path / SWEEP / "sweep.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    code, _, err = old("resume", SWEEP)
    assert code == 2
    assert "sweep.json has format 99, and this dlrun reads 1: a newer dlrun made it. Update dlrun" in said(err)


def said(err: str) -> str:
    return " ".join(err.split())
