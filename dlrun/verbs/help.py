"""`dlrun --help`: what can be typed, read from the verbs and from conf/ itself, so that it is always current."""

from dlrun import console
from dlrun.config import catalogue, typed
from dlrun.verbs.parser import verb


def run(argv: list[str]) -> None:
    from dlrun.verbs import VERBS

    verb("help", "This page.", run=False).parse_args(argv)
    console.out("dlrun trains what you type: a model, data, an optimizer. Hydra composes, one trainer trains.\n")
    console.out("  dlrun model=lstm optim=adam                     train on the model's home data")
    console.out("  dlrun data=houses.csv data.target=price         on a file of yours; pictures and texts as well")
    console.out("  dlrun -m model=rnn,lstm optim.lr=0.01,0.001     a sweep: every combination")
    console.out("  dlrun resume last                               go on where the newest run stopped\n")
    section("Verbs (dlrun VERB --help says more)", [(name, what) for name, what in VERBS.items()])
    section("Choices (GROUP=NAME)", [(f"{g}=", ", ".join(catalogue.choices(g))) for g in catalogue.GROUPS])
    section("Keys (KEY=VALUE)", keys())
    section("Flags of a training command", list(typed.FLAGS.items()))
    console.out("Hydra's flags: --cfg job, -m (--multirun), --config-dir DIR, --info, --hydra-help;")
    console.out('completion: eval "$(dlrun -sc install=bash)"')


def keys() -> list[tuple[str, str]]:
    rows = []
    for prefix, (group, name) in (
        ("", ("", "config")),
        ("trainer.", ("trainer", "default")),
        ("device.", ("device", "auto")),
    ):
        for key, (value, text) in catalogue.key_help(group, name).items():
            rows.append((f"{prefix}{key}", f"{text} (now {value})" if len(value) < 20 and "$" not in value else text))
    return rows


def section(title: str, rows: list[tuple[str, str]]) -> None:
    console.out(f"{title}:")
    width = max(len(name) for name, _ in rows) + 2
    for name, text in rows:
        console.out(f"  {name:<{width}}{text}")
    console.out("")
