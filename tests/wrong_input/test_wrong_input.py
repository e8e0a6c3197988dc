"""At least 900 wrong command lines and YAML files: one message each, exit code 2, no traceback, nothing left behind."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from wrong_input import files, lines, values
from wrong_input.driver import Cli, complaint

SECTIONS = lines.read()
SHARE = 3  # every third value of the keys of a model, dataset or task: their types are the same few


def mostly_slow(cases: list[Any]) -> list[Any]:
    """One in eight is quick: together they compose for a minute."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=[pytest.mark.slow] * (number % 8 > 0))
        for number, case in enumerate(cases)
    ]


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run of model=linear."""
    from dlrun.cli import exit_code

    folder = tmp_path_factory.mktemp("a") / "run"
    assert exit_code(["trainer.epochs=1", "data.n=30", f"folder={folder}"]) == 0
    return folder


def test_every_eighth_line(cli: Cli, tmp_path: Path, a_run: Path) -> None:
    """A quick look; the next test takes them all."""
    shutil.copytree(a_run, tmp_path / "run")
    every = [line for section in SECTIONS.values() for line in section]
    problems = [complaint(cli, argv, message) for argv, message in every[::8]]
    assert not any(problems), "\n".join(filter(None, problems))


@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS)
def test_a_wrong_line_gets_one_message_and_leaves_nothing(section: str, cli: Cli, tmp_path: Path, a_run: Path) -> None:
    if any("run" in argv for argv, _ in SECTIONS[section]):
        shutil.copytree(a_run, tmp_path / "run")
    problems = [complaint(cli, argv, message) for argv, message in SECTIONS[section]]
    assert not any(problems), "\n".join(filter(None, problems))


def config_of(cli: Cli, *argv: str) -> dict[str, Any]:
    code, out, err = cli("--cfg", "job", "--resolve", *argv)
    assert code == 0, err
    config = yaml.safe_load(out)
    return {key: value for key, value in config.items() if key not in ("launcher", "sweep")} | {"choices": {}}


@pytest.mark.parametrize(("group", "name"), mostly_slow(values.choices()))
def test_every_key_of_a_choice_refuses_what_its_type_does_not_take(group: str, name: str, cli: Cli) -> None:
    """Through `rerun` of a run with this config: Hydra composes once for all values of a choice."""
    config = config_of(cli, f"{group}={name}")
    Path("run").mkdir()
    Path("run/config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    problems = [complaint(cli, ["rerun", "run", typed], message) for typed, message in of_choice(group, name, config)]
    assert not any(problems), "\n".join(filter(None, problems))


def of_choice(group: str, name: str, config: dict[str, Any]) -> list[tuple[str, str]]:
    found = [
        (f"{group}.{key}={value}", message)
        for key, hint in values.hints(group, config[group]).items()
        for value, message in values.wrong(hint)
    ]
    return found if group in ("trainer", "device", "scheduler") else found[len(name) % SHARE :: SHARE]


@pytest.mark.parametrize("name", mostly_slow(list(files.FILES)))
def test_a_wrong_yaml_gets_one_message_and_leaves_nothing(name: str, cli: Cli, tmp_path: Path) -> None:
    text, message = files.FILES[name]
    folder = tmp_path / "conf" / "model"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert not (problem := complaint(cli, ["--config-dir", "conf", "model=mine"], message)), problem


def test_there_are_at_least_900(cli: Cli) -> None:
    """Lines and files alone; the values of keys are as many again."""
    typed = {tuple(argv) for section in SECTIONS.values() for argv, _ in section}
    optims = [("optim", name) for group, name in values.choices() if group == "optim"]
    more = sum(len(of_choice(*each, config_of(cli, "=".join(each)))) for each in optims)
    assert len(typed) + len(files.FILES) + more >= 900
