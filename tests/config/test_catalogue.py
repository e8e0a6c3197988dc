"""What conf/ says about its choices, held against what they are: the sizes that are offered, and that models need."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from dlrun.config import catalogue
from dlrun.errors import UserError


@pytest.mark.parametrize("model", catalogue.choices("model"))
def test_a_model_needs_what_stands_before_its_star(model: str) -> None:
    """Read from the source, as the class itself says it."""
    from dlrun.config.bind import Spec, locate

    node = catalogue.read("model", model)
    required = Spec("model", locate("model", node["_target_"]), node).required()
    assert required and catalogue.needs(model) == set(required)


OWN: dict[
    str, tuple[str, str, dict[str, str]]
] = {  # a file for each reader of the user's own, and what is typed with it
    "text": ("a.txt", "It was a dark night. " * 9, {}),
    "labelled": ("a.csv", "text,label\n" + "fine,good\ndull,bad\n" * 9, {}),
    "pairs": ("a.tsv", "go on\tva\ngo\tva\n", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "data", [name for name in catalogue.choices("data") if name in OWN or not catalogue.home_model(name)]
)
def test_every_task_offers_what_is_declared(data: str, tmp_path: Path) -> None:
    """Each pair is built, on the data's stand-in or a file: its sizes, or that the two don't go together."""
    from dlrun.config.assemble import group_spec
    from dlrun.files import stand_ins

    node = catalogue.read("data", data)
    if data in OWN:
        name, content, typed = OWN[data]
        (tmp_path / name).write_text(content)
        node = {**node, **typed, "path": str(tmp_path / name), "task": catalogue.home(data, group="data")["task"]}
    plan = group_spec("data", node, ())
    module = importlib.import_module(plan.target.__module__)
    files = {}
    if "files" in node:
        files["folder"], _ = stand_ins.stand_in(node["name"], module.STAND_IN)
    made = plan(**files)
    fits = set()
    for task in catalogue.choices("task"):
        try:
            measured = set(group_spec("task", catalogue.read("task", task), ())(schema=made.schema).sizes)
        except UserError:
            measured = set()
        assert catalogue.offers(data, task) == measured, task
        fits |= {task} if measured else set()
    assert catalogue.home(data, group="data").get("task", "regress") in fits


def test_every_dataset_and_task_is_declared() -> None:
    assert all(catalogue.holds(data) for data in catalogue.choices("data"))
    known = set().union(*map(catalogue.holds, catalogue.choices("data")))
    assert {kind for task in catalogue.choices("task") for kind in catalogue.takes(task)} >= known


def test_what_fits_is_known_without_torch_and_without_a_file_of_data(tmp_path: Path) -> None:
    code = "import sys; from dlrun.verbs import list; list.run(['--json']); sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"DLRUN_DATA": str(tmp_path / "data")}
    )
    assert done.returncode == 0 and '"lenet"' in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []
