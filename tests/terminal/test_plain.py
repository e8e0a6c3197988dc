"""Text from files and the command line: it can do nothing to a terminal, and a shell takes it as it is."""

import json
import subprocess
from pathlib import Path

import pytest
from runs import Cli

from dlrun.terminal.plain import amount, command, visible

CONTROLS = {
    "\x1b[2J": "\\x1b[2J",
    "\x1b]52;c;eA==\x07": "\\x1b]52;c;eA==\\x07",
    "\x9b31m": "\\x9b31m",
    "\x9d0;t\x9c": "\\x9d0;t\\x9c",
    "a\x00b\x7f": "a\\x00b\\x7f",
    "\u202egnp.exe": "\\u202egnp.exe",
    "\u2066x\u2069": "\\u2066x\\u2069",
    "zero\u200bwidth": "zero\\u200bwidth",
    "\u2028line": "\\u2028line",
    "byte \udce9": "byte \\udce9",
    "tag\U000e0041": "tag\\U000e0041",
    "a\rb\x08": "a\\rb\\x08",
}
PLAIN = ("想要有直升机", "naïve – “quoted” €", "back\\slash", "👩‍💻", "e\u0301", "می‌خواهم")


def test_one_is_singular_and_all_else_plural() -> None:
    said = [amount(count, noun) for count, noun in ((0, "row"), (1, "row"), (2000, "row"), (1, "class"), (3, "class"))]
    assert said == ["0 rows", "1 row", "2,000 rows", "1 class", "3 classes"]
    kinds = [amount(count, "more kind of jobs", "more kinds of jobs") for count in (1, 2)]
    assert kinds == ["1 more kind of jobs", "2 more kinds of jobs"]


@pytest.mark.parametrize("text", CONTROLS, ids=ascii)
def test_controls_are_made_visible(text: str) -> None:
    assert visible(text) == visible(text, lines=True) == CONTROLS[text]


def test_all_else_stays_and_so_do_newlines_of_our_own() -> None:
    assert [visible(text) for text in PLAIN] == list(PLAIN)
    assert visible("a\n\tb") == "a\\n\\tb" and visible("a\n\tb", lines=True) == "a\n\tb"


@pytest.mark.parametrize(
    "name", ["a b", "x'; touch PWNED #", "$(id)", "`id`", "-rf", "a\nb", "\x1b[2J'\\", "é\udce9", "*"]
)
def test_a_shell_takes_a_command_as_it_is(name: str) -> None:
    """Whatever the name, it is one word, and the folder's own; what is printed has no control in it."""
    shown = command("resume", Path(name), "--retry-failed")
    assert visible(shown) == shown
    words = subprocess.run(
        ["bash", "-c", f"dlrun() {{ printf '%s\\0' \"$@\"; }}; {shown}"], capture_output=True, check=True
    ).stdout.split(b"\0")[:-1]
    folder = f"./{name}" if name.startswith("-") else name
    assert words == [b"resume", folder.encode(errors="surrogateescape"), b"--retry-failed"]


def test_a_folder_named_last_is_not_the_newest_run() -> None:
    assert command("eval", Path("last")) == "dlrun eval ./last" and command("eval", "last") == "dlrun eval last"


EVIL = "evil\x1b]0;gone\x07\x9b2J\u202e\nstatus completed"


def hostile_run(folder: Path) -> None:
    """A run whose every text has controls in it, as somebody could send it."""
    folder.mkdir(parents=True)
    names = {group: EVIL for group in ("model", "data", "task", "optim", "scheduler")}
    config = {"choices": names, "optim": {"lr": EVIL}, "seed": 1, "trusted": [EVIL], "model": {"_target_": EVIL}}
    (folder / "config.yaml").write_text(json.dumps(config))
    summary = {
        "status": "completed",
        "choices": names,
        "goal": {"metric": EVIL, "mode": "min", "best": 1.0, "best_step": 1},
        "metrics": {f"test/{EVIL}": 2.0},
        "overrides": [EVIL],
        "data": {"name": EVIL, "source": EVIL, "sha256": {}},
        "versions": {"torch": EVIL},
        "error": EVIL,
        "epoch": 1,
        "step": 1,
    }
    (folder / "summary.json").write_text(json.dumps(summary))


@pytest.mark.parametrize(
    "argv",
    [
        ["runs", "evil"],
        ["runs", "evil", "--csv"],
        ["runs", "evil", "--json"],
        ["runs", "evil", "--where", f"optim.lr={EVIL}"],
        ["runs", "evil", "--sort", f"{EVIL}"],
        ["compare", "evil/a", "evil/b\x1b[2J"],
        ["prune", "evil", "--where", "status=completed", "--runs"],
        ["eval", "evil/a"],
        ["resume", "evil/b\x1b[2J", f"trainer.{EVIL}=3"],
        ["rerun", "evil/a", f"optim={EVIL}"],
        ["fetch", EVIL],
        [EVIL],
        [f"model={EVIL}"],
        [f"model=linear optim.{EVIL}=3"],
    ],
    ids=lambda argv: ascii(" ".join(argv))[:60],
)
def test_what_others_send_moves_no_cursor(cli: Cli, argv: list[str]) -> None:
    hostile_run(Path("evil/a"))
    hostile_run(Path("evil/b\x1b[2J"))
    _, out, err = cli(*argv)
    assert out + err
    assert visible(out, lines=True) == out and visible(err, lines=True) == err
    assert not any(line.startswith("status completed") for line in out.splitlines())
