# ruff: noqa: E501 - tables: an attack a line
"""The files of a run's folder: links and devices in their place, no end of bytes, and values of the wrong kind."""

import json
from typing import Any

from chaos.hostile.mutate import Case, added, both, config, fifo, gone, huge, instead, link, summary, text
from chaos.hostile.world import LISTS

FILES = (
    "summary.json",
    "config.yaml",
    "metrics.jsonl",
    "run.log",
    "checkpoints/last.pt",
    "checkpoints/best.pt",
    ".lock",
)
OPENS = {  # file -> which calls read or write it, the most dangerous first
    "summary.json": ("runs", "eval", "resume", "rerun", "compare", "prune"),
    "config.yaml": ("eval", "runs_where", "resume", "rerun", "compare"),
    "metrics.jsonl": ("resume", "eval"),
    "run.log": ("resume", "eval"),
    "checkpoints/last.pt": ("resume", "eval_last", "prune_last"),
    "checkpoints/best.pt": ("eval", "resume", "prune_last"),
    ".lock": ("resume", "runs", "prune"),
}
WRITES = ("resume", "eval", "prune", "prune_last", "rerun")


def links() -> list[Case]:
    targets = {"a shell's start file": "@HOME@/.bashrc", "nothing yet": "@CANARY@/made", "a file of mine": "@HOME@/facts.json",
               "my run's own": "@CWD@/other/run/{}", "a device": "/dev/zero", "itself": "{}", "the folder": "."}  # fmt: skip
    cases = []
    for name in FILES:
        for told, target in targets.items():
            made = link(name, target.format(name.rpartition("/")[2] if target == "{}" else name))
            cases.append(Case(f"{name} leads to {told}", made, OPENS[name]))
    folders = {
        "my run's": "@CWD@/other/run/checkpoints",
        "my home": "@HOME@",
        "nothing yet": "@CANARY@/made",
        "..": "..",
    }
    for told, target in folders.items():
        cases.append(Case(f"checkpoints/ leads to {told}", link("checkpoints", target), WRITES))
        cases.append(Case(f"attention/ leads to {told}", link("attention", target), ("attention",)))
    pictures = {"attention.png": "@HOME@/.bashrc", "attention/unu-knabo-sekvas.png": "@CWD@/photos/1.jpg",
                "attention/unu-knabo-sekvas-.png": "@CANARY@/made"}  # fmt: skip
    cases += [Case(f"{name} leads elsewhere", link(name, target), ("attention",)) for name, target in pictures.items()]
    cases += [
        Case("the event file leads to mine", link("events*", "@HOME@/.bashrc"), ("resume", "eval")),
        Case("each temporary name is taken", temporary_names, ("eval", "resume")),
        Case("log text for a shell", both(link("run.log", "@HOME@/.bashrc"), shell_words), ("resume",)),
        Case("all at once", both(*(link(name, f"@CWD@/other/run/{name}") for name in FILES)), WRITES),
        Case("a link to / inside", link("root", "/"), (*LISTS, "resume")),
        Case("a link to the folder above", link("up", ".."), (*LISTS, "resume")),
    ]
    return cases


shell_words = config({"choices.model": "x; touch @CANARY@/log #", "choices.optim": "$(touch @CANARY@/log)"})


def temporary_names(folder: Any, world: Any) -> None:
    """What a process of a number that can be guessed would write through."""
    for number in range(1, 4_000):
        for name in ("summary.json", "config.yaml"):
            (folder / f".{name}.{number}").symlink_to(world.home / ".bashrc")


def special() -> list[Case]:
    """FIFOs, holes of 100 GB and folders in the place of each file."""
    cases = []
    for name in FILES:
        cases.append(Case(f"{name} is a FIFO", fifo(name), OPENS[name]))
        cases.append(Case(f"{name} has 100 GB", huge(name), OPENS[name]))
        cases.append(Case(f"{name} is a folder", instead(name), OPENS[name]))
        cases.append(Case(f"{name} is empty", text(name, b""), OPENS[name]))
        cases.append(Case(f"{name} is missing", gone(name), OPENS[name]))
        cases.append(Case(f"{name} is NULs", text(name, bytes(5_000)), OPENS[name]))
    cases.append(Case("checkpoints is a FIFO", fifo("checkpoints"), ("eval", "resume", "prune_last")))
    cases.append(
        Case(
            "nothing but a config",
            gone("summary.json", "metrics.jsonl", "run.log", "checkpoints"),
            ("runs", "eval", "resume"),
        )
    )
    return cases


ODD: list[Any] = [
    None,
    "x",
    5,
    -1.5,
    True,
    [],
    [[]],
    {},
    {"x": {"y": None}},
    10**400,
    [5, None, {}],
    "\ud800",
    float("inf"),
]
SUMMARY_KEYS = ["status", "choices", "choices.model", "goal", "goal.metric", "goal.mode", "goal.best", "goal.best_step", "baseline", "metrics", "metrics.val/loss", "overrides", "epoch", "step", "duration_s", "parameters", "seed", "data", "data.sha256", "data.source", "versions", "versions.torch", "git", "error", "device", "format"]  # fmt: skip


def summaries() -> list[Case]:
    verbs = ("runs", "compare", "prune", "eval", "resume", "rerun", "runs_where")
    cases = []
    for place, key in enumerate(SUMMARY_KEYS):
        for turn in range(5):
            at = (place + 3 * turn) % len(ODD)
            cases.append(Case(f"{key} is odd {at}", summary({key: ODD[at]}), verbs))
    deep = 100_000
    whole: dict[str, str | bytes] = {
        "null": "null", "a list": "[]", "a word": '"x"', "a number": "5", "cut": '{"status": "comp', "two": "{}{}", "no JSON": "x: 1",
        "lists without end": "[" * deep, "lists 100,000 deep": '{"status": "failed", "x": ' + "[" * deep + "]" * deep + "}",
        "objects 100,000 deep": '{"a":' * deep + "1" + "}" * deep, "a number of 5,000 digits": '{"status": "failed", "step": ' + "9" * 5_000 + "}",
        "an exponent": '{"status": "failed", "step": 1e999999999}', "no UTF-8": b'{"status": "\xff"}', "UTF-16": '{"status": 1}'.encode("utf-16"),
        "a BOM": b"\xef\xbb\xbf{}", "the same key 100,000 times": "{" + '"status":1,' * deep + '"status":"failed"}',
        "20 MB": json.dumps({"status": "failed", "x": ["y" * 100] * 200_000}), "100,000 metrics": json.dumps({"status": "failed", "metrics": {f"m{n}": n for n in range(deep)}}),
    }  # fmt: skip
    return cases + [
        Case(f"summary.json is {name}", text("summary.json", content), verbs) for name, content in whole.items()
    ]


def metrics() -> list[Case]:
    good = b'{"step": 1, "epoch": 0, "time_s": 0.1, "train/loss": 1.0}\n'
    lines: dict[str, bytes] = {
        "no JSON": b"x\n", "blank": b"\n\n\n", "NULs": bytes(512) + b"\n", "a list": b"[]\n", "null": b"null\n", "without a step": b"{}\n",
        "a step that is a word": b'{"step": "x"}\n', "a huge step": b'{"step": 1e400}\n', "deep": b"[" * 100_000 + b"\n", "no UTF-8": b"\xff\xfe\n",
        "5,000 digits": b'{"step": ' + b"9" * 5_000 + b"}\n", "a line of 20 MB": b"x" * 20_000_000 + b"\n", "cut": b'{"step": 9, "ep',
        "an escape": b'{"step": 2, "\\u001b[2J": 1}\n', "a negative step": b'{"step": -5}\n', "NaN": b'{"step": 2, "epoch": 1, "time_s": NaN}\n',
    }  # fmt: skip
    cases = [
        Case(f"metrics.jsonl begins with {name}", text("metrics.jsonl", line + good), ("resume",))
        for name, line in lines.items()
    ]
    cases += [
        Case(f"metrics.jsonl ends with {name}", added("metrics.jsonl", line), ("resume",))
        for name, line in lines.items()
    ]
    cases.append(Case("100,000 lines of metrics", text("metrics.jsonl", good * 100_000), ("resume",)))
    return cases


GROUPS = {"links": links, "special": special, "summary": summaries, "metrics": metrics}
