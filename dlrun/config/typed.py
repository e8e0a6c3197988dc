"""What is typed as KEY=VALUE, before Hydra reads it: made readable for its grammar, or refused in one message.

Hydra's lexer knows ASCII alone, and its parser answers in its own terms; a group takes any value and fails much later.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from dlrun.config import catalogue, renamed
from dlrun.errors import UserError, nearest

LONGEST = 10_000  # characters: Hydra's parser takes a second for each 10,000
LONGEST_NAME = 200  # characters of a choice, which is a file's name
KEY = re.compile(r"(?P<sign>\+\+|\+|~|)(?P<key>[A-Za-z_$][A-Za-z0-9_$./@-]*)")
FUNCTION = re.compile(r"(choice|range|interval|glob|tag|sort|shuffle|int|float|str|bool|json_str)\(")  # of Hydra's
OPTIONAL = ("experiment", "sweep", "tuned")  # groups of which null may be chosen
ONE_VALUE = ("folder", "trusted", "launcher", "hydra")  # the same for all jobs of a sweep
FLAGS = {  # of ours, beside Hydra's
    "--dry-run": "take three steps and say what the run or sweep would cost; leaves nothing behind",
    "--json": "the last line of stdout is one JSON object, also when it fails",
}
WITHOUT_EFFECT = {  # a key of Hydra's -> what to type instead
    "hydra.run.dir": "Type folder=PATH to say where the run or sweep goes.",
    "hydra.sweep.dir": "Type folder=PATH to say where the run or sweep goes.",
    "hydra.sweep.subdir": "Type folder=PATH to say where the sweep goes.",
    "hydra.output_subdir": "A run's folder is always laid out alike.",
    "hydra.mode": "Type -m for a sweep.",
    "hydra.job.chdir": "dlrun stays in the folder where it was started.",
    "hydra": "Type one of its keys, such as hydra.sweeper.trials=50.",
}


def split(text: str, words: Sequence[str] = ()) -> tuple[str, str]:
    """`optim.lr=0.1` -> ("optim.lr", "0.1"). UserError for what is no KEY=VALUE."""
    if len(text) > LONGEST:
        raise UserError(f"{text[:40]}… has {len(text):,} characters; {LONGEST:,} is the most.")
    key, equals, value = text.partition("=")
    if not (equals or key.startswith("~")) or not KEY.fullmatch(key):
        raise UserError(no_override(text, words))
    return key, value


def quoted(value: str) -> str:
    """Hydra's own quotes: inside, a backslash counts only before a quote, and a ${ would begin an interpolation."""
    inner = re.sub(r"(\\*)('|\Z)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), value)
    return "'" + inner.replace("${", "\\${") + "'"


def check(text: str, key: str, values: Sequence[object], *, several: bool) -> None:
    """UserError for what Hydra would take and stumble over, or not heed. `several` values are a sweep's."""
    if text.startswith("~"):
        raise UserError(f"{text}: a run's keys stay what they are, none can be taken away. Type {key}=VALUE.")
    if "@" in text.partition("=")[0]:
        raise UserError(f"{text}: a choice stays in its place. Type {key}={text.partition('=')[2]}")
    if key.split(".")[0] == "choices":
        raise UserError(f"{text}: choices say what was chosen, and follow from it. Type for example model=lstm")
    if key in WITHOUT_EFFECT:
        raise UserError(f"{key} has no effect here. {WITHOUT_EFFECT[key]}")
    if several and key.split(".")[0].split("/")[0] in ONE_VALUE:
        raise UserError(f"{text}: {key} has one value for the whole sweep.")
    if key in (*catalogue.GROUPS, "tuned") or "/" in key:
        for value in values:
            check_choice(key, value)


def names_data(overrides: Sequence[str]) -> bool:
    """Whether the user said which data is meant, so that no stand-in may take its place."""
    return any(each.lstrip("+").startswith(("data=", "experiment=")) for each in overrides)


def check_choice(group: str, value: object) -> None:
    """The name of a file of a group."""
    names = catalogue.choices(group)
    if value is None and group in OPTIONAL:
        return
    if group == "tuned":
        raise UserError("tuned follows from model, data and optim: it can't be chosen. tuned=null leaves it out.")
    if isinstance(value, list):
        several = ",".join(map(str, value))
        raise UserError(f"{group} takes one name. For several, one after the other: dlrun -m {group}={several}")
    name = str(value)
    if said := renamed.new_choice(group, name):
        raise UserError(said)
    if value is None or not isinstance(value, str) or not is_plain(name):
        shown = "null" if value is None else name[:LONGEST_NAME]
        raise UserError(no_choice(group, shown, names))


def no_choice(group: str, name: str, possible: Sequence[str]) -> str:
    own = " For data of your own type its path: data=houses.csv or data=flowers/" if group == "data" else ""
    return f"There is no {group} {name}. {nearest(name, possible)}{own}"


def is_plain(name: str) -> bool:
    """A file's name without its .yaml, maybe in a folder below the group."""
    path = PurePosixPath(name)
    ends = path.suffix in (".yaml", ".yml") or len(name) > LONGEST_NAME
    return bool(name) and str(path) == name and not path.is_absolute() and ".." not in path.parts and not ends


# what is no KEY=VALUE


def no_verb(argv: Sequence[str], verbs: Sequence[str]) -> str:
    """`dlrun lenet ptb`, `dlrun model = lstm`, `dlrun trian`: what may have been meant."""
    first = argv[0]
    if Path(first).suffix and os.path.exists(first):
        return (
            f"There is no verb {first}. To train on the file type data={first}; to see what it holds, describe {first}"
        )
    if meant := spaced(argv) or named(argv):
        return f"There is no verb {first}. Type KEY=VALUE: dlrun {meant}"
    return f"There is no verb {first}. {nearest(first, verbs)} To train, type KEY=VALUE: dlrun model=lstm"


def no_override(text: str, words: Sequence[str] = ()) -> str:
    """`dlrun model=lstm ptb`: what may have been meant by one of the words that were typed."""
    bare = [word for word in words if "=" not in word] or [text]
    example = spaced(words) or named(bare) or "trainer.epochs=20"
    return f"{text or 'An empty argument'} is no KEY=VALUE. For example: {example}"


def spaced(words: Sequence[str]) -> str:
    """`model = lstm` -> `model=lstm`."""
    joined = re.sub(r"\s*=\s*", "=", " ".join(words))
    plain = any(word.startswith("=") or word.endswith("=") for word in words)
    return joined if plain and all(re.fullmatch(r"[\w.+-]+=\S+", word) for word in joined.split(" ")) else ""


def named(words: Sequence[str]) -> str:
    """`lenet ptb` -> `model=lenet data=ptb`; empty where nothing of conf/ has such a name."""
    found: dict[str, str] = {}
    for word in words:
        if group := next((each for each in catalogue.GROUPS if word in catalogue.choices(each)), ""):
            found.setdefault(group, word)
    return " ".join(f"{group}={word}" for group, word in found.items())


def no_flag(flag: str, following: str) -> str:
    """`--epochs 5`: values are no flags here."""
    name, equals, value = flag.lstrip("-").partition("=")
    value = value if equals else following if following and "=" not in following else ""
    key = name.replace("-", "_")
    if key in catalogue.GROUPS:
        return f"There is no flag {flag}. Type {key}={value or catalogue.choices(key)[0]}"
    if places := where(key):
        return f"There is no flag {flag}. {such(places, value)}"
    return f"There is no flag {flag}. `dlrun --help` shows what can be typed."


def where(name: str) -> dict[str, list[str]]:
    """`hidden` -> {"model.hidden": [gru, lstm, …]}: the keys of this name in conf/, with the choices that have them."""
    places: dict[str, list[str]] = {}
    if name in catalogue.key_help("", "config"):
        places[name] = ["config"]
    for group in catalogue.PARTS:
        for choice in catalogue.choices(group):
            if name in {key.rpartition(".")[2] for key in catalogue.key_help(group, choice)}:
                places.setdefault(f"{group}.{name}", []).append(choice)
    return places


def such(places: dict[str, list[str]], value: str = "") -> str:
    """Where a key of that name is, for a message: at hand, or of other choices."""
    at_hand = [key for key, choices in places.items() if {"config", "default", "auto", "sgd"} & set(choices)]
    if at_hand:
        return "Type " + " or ".join(f"{key}={value or '…'}" for key in at_hand)
    shown = [f"{key} (of {', '.join(choices[:6])}{', …' * (len(choices) > 6)})" for key, choices in places.items()]
    return f"Did you mean {' or '.join(shown)}?"
