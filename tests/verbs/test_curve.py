"""`dlrun curve`: slices of one metric, from a file that may be damaged or still grow."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from runs import Cli

from dlrun.run.curve import KEPT

MakeRun = Callable[..., Path]


@pytest.fixture
def run(make_run: MakeRun) -> Path:
    """A loss each 10 steps, an evaluation each 100; the file's last line is not yet whole."""
    folder = make_run("outputs/a")
    lines = []
    for step in range(10, 1001, 10):
        line: dict[str, float] = {"step": step, "epoch": step // 100, "time_s": step / 100, "train/loss": 1000 / step}
        if step % 100 == 0:
            line["val/loss"] = abs(step - 700) / 100
        lines.append(json.dumps(line))
    (folder / "metrics.jsonl").write_text("\n".join(lines) + '\n{"step": 1010, "epoch": 10, "ti')
    return folder


def steps(cli: Cli, *words: str) -> list[int]:
    code, out, err = cli("curve", "outputs/a", *words, "--json")
    assert code == 0, err
    return [point["step"] for point in json.loads(out)]


def test_slices(cli: Cli, run: Path) -> None:
    assert steps(cli, "val/loss") == list(range(100, 1001, 100))
    assert steps(cli, "val/loss", "--last", "2") == [900, 1000]
    assert steps(cli, "val/loss", "--every", "4") == [100, 500, 900, 1000]
    assert steps(cli, "val/loss", "--every", "9") == [100, 1000]
    assert steps(cli, "train/loss", "--around", "500") == list(range(400, 601, 10))
    assert steps(cli, "train/loss", "--around", "505") == list(range(410, 601, 10))
    assert steps(cli, "train/loss", "--around", "0") == list(range(10, 101, 10))
    assert steps(cli, "train/loss", "--around", "99999") == list(range(910, 1001, 10))
    assert len(steps(cli, "train/loss")) == 100


def test_what_a_point_says(cli: Cli, run: Path) -> None:
    out = cli("curve", "outputs/a", "val/loss", "--last", "1", "--json")[1]
    assert json.loads(out) == [{"step": 1000, "epoch": 10, "time_s": 10.0, "value": 3.0}]
    rows = list(csv.DictReader(io.StringIO(cli("curve", "last", "val/loss", "--csv")[1])))
    assert len(rows) == 10 and rows[-1] == {"step": "1000", "epoch": "10", "time_s": "10.0", "value": "3.0"}


def test_the_table_is_small_and_spreads_over_the_run(cli: Cli, run: Path) -> None:
    code, out, err = cli("curve", "outputs/a", "train/loss")
    rows = [line for line in out.splitlines() if line.startswith("│")]
    assert code == 0 and out.startswith("train/loss of outputs/a") and len(rows) == 20
    assert rows[0].split()[1] == "10" and rows[-1].split()[1] == "1,000"
    assert "20 of 100 points; lowest 1 at step 1,000; highest 100 at step 10; last 1 at step 1,000" in err


def test_a_long_curve_is_thinned_out_as_it_is_read(cli: Cli, run: Path) -> None:
    lines = [json.dumps({"step": n, "epoch": 1, "time_s": 1.0, "a": 1.0}) for n in range(3 * KEPT + 5)]
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    out = cli("curve", "outputs/a", "a")[1]
    found = [int(line.split()[1].replace(",", "")) for line in out.splitlines() if line.startswith("│")]
    assert len(found) == 20 and found[0] == 0 and found[-1] == 3 * KEPT + 4
    assert max(after - before for before, after in zip(found, found[1:], strict=False)) < len(lines) / 15


def test_damaged_lines_and_values_are_left_out(cli: Cli, run: Path) -> None:
    lines = [
        '{"step": 1, "epoch": 0, "time_s": 1, "a": 1, "b": "word"}',
        "{}{}",
        "\0\0\0",
        '{"step": "two", "epoch": 0, "time_s": 1, "a": 1}',
        "[" * 5000,
        '{"step": 3, "epoch": 0, "time_s": 1, "a": NaN}',
        '{"step": 4, "epoch": 0, "time_s": 1, "a": null}',
    ]
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    code, out, err = cli("curve", "outputs/a", "a", "--json")
    assert code == 0 and [(point["step"], point["value"]) for point in json.loads(out)] == [(1, 1.0), (3, None)]
    assert err == "warning: outputs/a/metrics.jsonl has 4 damaged lines, left out here\n"
    assert cli("curve", "outputs/a", "b")[2].endswith("outputs/a has no metric b. Possible: a.\n")


def test_mistakes(cli: Cli, run: Path) -> None:
    said = {
        (
            "outputs/a",
            "val/los",
        ): "outputs/a has no metric val/los. Did you mean val/loss? Possible: train/loss, val/loss.",
        ("outputs/b", "val/loss"): "outputs/b does not exist. Did you mean outputs/a? Possible: outputs/a. "
        "The newest is `last`.",
        ("outputs/a", "val/loss", "--last", "0"): "dlrun curve: argument --last: 0: it must be at least 1.",
    }
    for words, message in said.items():
        code, out, err = cli("curve", *words)
        assert (code, out) == (2, "") and err.startswith(f"error: {message.rstrip('.')}")
    assert "not allowed with argument" in cli("curve", "outputs/a", "a", "--last", "1", "--every", "2")[2]
    (run / "metrics.jsonl").unlink()
    assert cli("curve", "outputs/a", "a")[2] == "error: outputs/a has no metrics yet.\n"
    (run / "metrics.jsonl").symlink_to("/dev/zero")
    assert "can't be read: it is a link" in cli("curve", "outputs/a", "a")[2]


def test_it_needs_no_torch() -> None:
    code = "import sys, dlrun.verbs.curve; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
