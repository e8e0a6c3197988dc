"""`dlrun compare`: what differs between runs, and whose result is best."""

import json
from collections.abc import Callable
from pathlib import Path

from runs import Cli

MakeRun = Callable[..., Path]


def test_configs_and_results_side_by_side(cli: Cli, make_run: MakeRun) -> None:
    metrics = {"val/perplexity": 90.0, "val/loss": 4.5, "speed/examples_per_s": 5.0}
    make_run("a", best=90.0, config={"optim": {"lr": 0.1}}, metrics=metrics)
    make_run("b", best=95.0, model="gru", metrics=metrics | {"val/perplexity": 95.0, "speed/examples_per_s": 6.0})
    code, out, _ = cli("compare", "a", "b", "--json")
    found = json.loads(out)
    assert code == 0 and found["runs"] == ["a", "b"]
    assert found["config"] == {"model": ["lstm", "gru"], "optim.lr": [0.1, 0.01]}  # and not their folders
    assert found["results"]["best"] == {"values": [90.0, 95.0], "mode": "min", "best": [0]}
    assert found["results"]["val/perplexity"] == {"values": [90.0, 95.0], "mode": "min", "best": [0]}
    assert found["results"]["val/loss"]["best"] == []  # they are equal
    assert found["results"]["speed/examples_per_s"]["mode"] is None
    _, out, _ = cli("compare", "a", "b")
    (line,) = [line for line in out.splitlines() if "val/perplexity" in line and "goal" not in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == ["val/perplexity", "* 90", "95"]


def test_large_is_best_for_accuracy_and_other_goals_are_not_compared(cli: Cli, make_run: MakeRun) -> None:
    make_run("a", goal="val/accuracy", best=0.8)
    make_run("b", goal="val/accuracy", best=0.9)
    make_run("c", goal="val/perplexity", best=2.0)
    results = json.loads(cli("compare", "a", "b", "--json")[1])["results"]
    assert results["best"]["best"] == results["val/accuracy"]["best"] == [1]
    results = json.loads(cli("compare", "a", "b", "c", "--json")[1])["results"]
    assert results["best"]["best"] == [] and results["val/accuracy"]["values"] == [0.8, 0.9, None]


def test_equal_runs(cli: Cli, make_run: MakeRun) -> None:
    make_run("a", duration_s=1.0)
    make_run("b", duration_s=2.0)
    assert cli("compare", "a", "b") == (0, "no difference, in config and results\n", "")
    make_run("c", best=99.0)
    _, out, _ = cli("compare", "a", "c")
    assert out.startswith("1: a\n2: c\nconfig: no difference\n") and "* 99" in out


def test_mistakes(cli: Cli, make_run: MakeRun) -> None:
    make_run("outputs/a")
    assert cli("compare", "last")[2] == "error: To compare takes two runs or more: dlrun compare last RUN\n"
    message = "error: nowhere does not exist. Possible: outputs/a. The newest is `last`.\n"
    assert cli("compare", "last", "nowhere") == (2, "", message)
    Path("conf").mkdir()
    Path("conf/config.yaml").write_text("defaults: []\n")
    assert cli("compare", "last", "conf") == (2, "", "error: conf/config.yaml is not the config of a run.\n")


def test_long_names_leave_room_for_values(cli: Cli, make_run: MakeRun) -> None:
    names = [f"{letter * 60}" for letter in "ab"]
    for name, best in zip(names, (90.0, 95.0), strict=True):
        make_run(name, best=best)
    _, out, _ = cli("compare", *names)
    assert out.startswith(f"1: {names[0]}\n2: {names[1]}\n") and "* 90" in out
    assert max(map(len, out.splitlines())) < 80
