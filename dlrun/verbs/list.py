"""`dlrun list`: every model, data, task, optim …, and which model fits which data."""

from __future__ import annotations

from typing import Any

from dlrun import catalogue, console
from dlrun.errors import UserError
from dlrun.verbs.parser import verb


def run(argv: list[str]) -> None:
    parser = verb("list", "Everything that can be chosen, and which model fits which data.", run=False, json=True)
    arguments = parser.parse_args(argv)
    groups = {group: catalogue.choices(group) for group in catalogue.GROUPS}
    fits = fitting()
    if arguments.json:
        console.json_out({"choices": groups, "fits": fits})
        return
    console.table(
        "choices", ["group", "type one of"], [[f"{group}=", ", ".join(names)] for group, names in groups.items()]
    )
    home = {model: catalogue.home(model) for model in groups["model"]}
    rows = [
        [
            model,
            home[model].get("data", "synthetic_linear"),
            ", ".join(name for name in groups["data"] if model in fits[name]),
        ]
        for model in groups["model"]
    ]
    console.table("models", ["model", "home data", "fits data"], rows)


def fitting() -> dict[str, list[str]]:
    """data -> the models that can be trained on it, by their home tasks: the sizes that its stand-in really has."""
    from dlrun import assemble

    def offers(data: str, task: str) -> set[str]:
        try:
            return assemble.offered_sizes(data, task)
        except UserError:  # the two don't go together
            return set()

    return {
        data: [model for model in catalogue.choices("model") if fits(model, data, offers)]
        for data in catalogue.choices("data")
    }


def fits(model: str, data: str, offers: Any) -> bool:
    """Whether `dlrun model=… data=…` builds: the model may bring a task of its own, as the word vectors do."""
    from dlrun import assemble

    task = catalogue.home(model).get("task") or catalogue.home(data, group="data").get("task", "regress")
    return not assemble.needs_of(model) - offers(data, task)
