"""`dlrun list`: every model, data, task, optim …, and which model fits which data."""

from dlrun import console
from dlrun.config import catalogue
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
    """data -> the models that can be trained on it, with the task that a model or else the data brings along."""
    return {
        data: [model for model in catalogue.choices("model") if fits(model, data)] for data in catalogue.choices("data")
    }


def fits(model: str, data: str) -> bool:
    """Whether `dlrun model=… data=…` builds: the model may bring a task of its own, as the word vectors do."""
    task = catalogue.home(model).get("task") or catalogue.home(data, group="data").get("task", "regress")
    sizes = catalogue.offers(data, task)
    return bool(sizes) and not catalogue.needs(model) - sizes
