"""The house's walls: imports go down only, one module prints, one ends the program, torch waits until it is needed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from dlrun.config import catalogue
from dlrun.verbs import VERBS

ROOT = Path(__file__).parents[1]
LEVELS = (  # a module imports from its own level and those before it
    {"errors", "limits", "bundled", "metric", "terminal", "store"},
    {"console", "device", "memory"},
    {"files", "nn", "draw", "text"},
    {"tabular", "pictures"},
    {"data", "model", "optim", "scheduler", "init"},
    {"task"},
    {"config"},
    {"run"},
    {"export", "describe"},
    {"sweep"},
    {"verbs"},
    {"api", "cli"},
    {"__main__"},
)
TORCH_FREE = [  # they answer before torch could be imported, which takes seconds
    *("errors", "limits", "console", "cli", "terminal.plain", "store.decode", "store.kept", "text.vocab"),
    *("config.catalogue", "config.compose", "config.renamed", "config.typed", "config.trust", "files.download"),
    *("run.folder", "run.records", "run.checkpoint", "run.query", "api.actions", "api.results", "api.scope"),
    *(f"verbs.{verb}" for verb in VERBS),
]
ACROSS = {  # tests that speak of no single module
    *(
        "architecture",
        "dist",
        "make",
        "learns",
        "api/door",
        "api/interrupted",
        "api/notebook",
        "config/conf",
        "config/own_parts",
    ),
    *("data/datasets", "data/hostile_files", "data/strangers", "data/tokenizations", "files/faults"),
    *("model/images", "model/models", "model/translators", "optim/conf", "optim/plain_command"),
    *("run/resume", "run/old_runs", "run/tokenizers_of_runs", "run/words_of_runs"),
    *("sweep/goal", "sweep/own_data", "verbs/export_places", "verbs/predict_places"),
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
PACKAGE = sorted((ROOT / "dlrun").rglob("*.py"))


def module(path: Path) -> str:
    """dlrun/data/base.py -> data.base; a package's __init__ is the package."""
    parts = path.relative_to(ROOT / "dlrun").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def level(name: str) -> int:
    """Where in LEVELS a module such as data.base stands; StopIteration is a test's failure: give it a place there."""
    return next(number for number, names in enumerate(LEVELS) if name.split(".")[0] in names)


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Modules of dlrun that a file imports, in functions too, with the line. Those for type checkers alone count."""
    modules = {module(each) for each in PACKAGE}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno} imports relatively; write dlrun.…"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            while parts and ".".join(parts[1:]) not in modules:
                parts.pop()
            if parts[:1] == ["dlrun"] and parts[1:]:
                yield ".".join(parts[1:]), node.lineno


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """What a file calls by a plain or dotted name, such as `sys.exit`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def test_every_module_has_its_level() -> None:
    known = set().union(*LEVELS)
    assert {module(path).split(".")[0] for path in PACKAGE} - {""} == known


def test_imports_go_down_only() -> None:
    seen, wrong = 0, []
    for path in PACKAGE:
        name = module(path)
        for other, line in imported(path) if name else ():
            seen += 1
            if level(other) > level(name):
                wrong.append(f"{name}:{line} imports {other}, which stands above it")
    assert seen > 50  # the reading itself works
    assert not wrong, "\n".join(wrong)


def test_imports_make_no_circle() -> None:
    """Between modules, on one level neither; imports in functions count."""
    needs = {module(path): {other for other, _ in imported(path)} - {module(path)} for path in PACKAGE}
    try:
        tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("group", ["data", "model", "task", "optim"])
def test_a_folder_of_the_catalogue_holds_what_can_be_typed(group: str) -> None:
    """What is typed is where it lives: each of its modules is named by conf/, but its base."""
    typed = {target.rpartition(".")[0] for target in catalogue.targets(group)}
    there = {f"dlrun.{module(path)}" for path in PACKAGE if module(path).startswith(f"{group}.")}
    assert there - typed - {f"dlrun.{group}.base"} == set()
    assert {each for each in typed if each.startswith("dlrun.")} <= there


def test_lowest_parts_know_nothing_of_each_other() -> None:
    """A model that reads a task, or an optimizer that prints, would tie the catalogue together."""
    allowed = {"errors", "limits", "metric", "text", "nn"}
    wrong = [
        f"{module(path)}:{line} imports {other}"
        for path in PACKAGE
        for other, line in imported(path)
        if module(path).split(".")[0] in ("model", "init", "optim", "scheduler", "metric", "nn", "device")
        and other.split(".")[0] not in allowed | {module(path).split(".")[0]}
        and (module(path), other) != ("scheduler.base", "optim.base")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("names", "owner"),
    [
        (("print", "sys.stdout.write", "sys.stderr.write", "rich.print", "streams.Stream"), "console"),
        (("sys.exit", "exit", "quit", "os._exit"), "cli"),
    ],
)
def test_one_module_alone_calls(names: tuple[str, ...], owner: str) -> None:
    found = [(module(path), line) for path in PACKAGE for name, line in calls(path) if name in names]
    assert owner in {name for name, _ in found}
    assert [each for each in found if each[0] != owner] == []


def test_one_module_alone_imports_hydra() -> None:
    """`compose` is the one road; tests/config/test_compose.py holds what it uses. `scope` puts things back."""
    for path in PACKAGE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert module(path) in ("config.compose", "api.scope") or not any(
                f"{name}.".startswith("hydra.") for name in names
            ), path


def test_files_can_be_read_in_a_sitting() -> None:
    long = {str(path): lines for path in PACKAGE if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 324}
    assert not long


def test_functions_fit_on_a_screen() -> None:
    lengths = {
        f"{module(path)}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in PACKAGE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > 40} == {}


def test_tests_mirror_the_package() -> None:
    """dlrun/nn/stem.py is tested in tests/nn/test_stem.py; the folders chaos and wrong_input attack all of it."""
    modules = {str(path.relative_to(ROOT / "dlrun").with_suffix("")) for path in PACKAGE if path.stem != "__init__"}
    places = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    tests = {str(path.with_name(path.stem.removeprefix("test_"))) for path in places}
    assert sorted(modules - tests) == []
    beside = {each for each in tests - modules if not each.startswith(("chaos/", "wrong_input/"))}
    assert sorted(beside ^ ACROSS) == []


def test_no_drawer_for_everything() -> None:
    assert [path for path in PACKAGE if set(path.stem.split("_")) & FORBIDDEN_NAMES] == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        module(path)
        for path in PACKAGE
        if path.stem != "__main__" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCH_FREE)
def test_torch_waits(name: str) -> None:
    code = f"import sys, dlrun.{name}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0, f"dlrun.{name} imports torch"
