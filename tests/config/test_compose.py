"""The one road into Hydra: which of its private names dlrun uses, and that one run and a sweep's job compose alike."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from runs import Cli

from dlrun.config import compose
from dlrun.config.compose import Composer

ROOT = Path(__file__).parents[2]

# What dlrun/config/compose.py uses that is private, and the parameters that they rely on, by place or by name.
PRIVATE = {
    "hydra._internal.callbacks.Callbacks": ["config"],
    "hydra._internal.config_loader_impl.ConfigLoaderImpl": ["config_search_path"],
    "hydra._internal.config_loader_impl.ConfigLoaderImpl._apply_overrides_to_config": ["overrides", "cfg"],
    "hydra._internal.config_loader_impl.ConfigLoaderImpl.load_configuration": [
        *("self", "config_name", "overrides", "run_mode"),
    ],
    "hydra._internal.config_loader_impl.ConfigLoaderImpl.get_sources": ["self"],
    "hydra._internal.config_repository.ConfigRepository.group_exists": ["self", "config_path"],
    "hydra._internal.hydra.Hydra": ["task_name", "config_loader"],
    "hydra._internal.hydra.Hydra.show_cfg": ["self", "config_name", "overrides", "cfg_type", "package", "resolve"],
    "hydra._internal.hydra.Hydra.show_info": ["self", "info", "config_name", "overrides"],
    "hydra._internal.hydra.Hydra.hydra_help": ["self", "config_name", "args_parser", "args"],
    "hydra._internal.hydra.Hydra.shell_completion": ["self", "config_name", "overrides"],
    "hydra._internal.utils.create_config_search_path": ["search_path_dir"],
    "hydra._internal.utils.get_args_parser": [],
    "hydra.plugins.config_source.ConfigSource._normalize_file_name": ["filename"],
}
PUBLIC = {  # said nowhere to be stable, and used in a way of our own
    "hydra.core.plugins.Plugins.instantiate_launcher": ["self", "hydra_context", "task_function", "config"],
    "hydra.core.hydra_config.HydraConfig.get": [],
    "hydra.core.override_parser.overrides_parser.OverridesParser.parse_override": ["self", "s"],
    "hydra.plugins.config_source.ConfigSource.load_config": ["self", "config_path"],
    "hydra.types.HydraContext": ["config_loader", "callbacks"],
    "hydra.version.setbase": ["ver"],
}
OVERRIDE = {  # what is asked of a parsed override
    *("config_loader", "get_key_element", "input_line", "is_add", "is_delete", "is_discrete_sweep", "is_force_add"),
    *("is_hydra_override", "is_sweep_override", "key_or_group", "sweep_string_iterator", "value", "value_type"),
}
FLAGS = {  # what is read of Hydra's flags
    *("cfg", "config_dir", "config_name", "config_path", "experimental_rerun", "hydra_help", "info", "multirun"),
    *("overrides", "package", "resolve", "shell_completion"),
}


def named(dotted: str) -> Any:
    """What a dotted name stands for: a module's, or a class's in it."""
    module, rest = dotted, list[str]()
    while True:
        try:
            found: Any = import_module(module)
            break
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            rest.insert(0, last)
    for name in rest:
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("name", [*PRIVATE, *PUBLIC])
def test_hydra_has_what_is_used_of_it(name: str) -> None:
    """The parameters that are given stand where they are given; further ones have defaults."""
    parameters = inspect.signature(named(name)).parameters
    wanted = (PRIVATE | PUBLIC)[name]
    assert list(parameters)[: len(wanted)] == wanted
    assert all(each.default is not each.empty for each in list(parameters.values())[len(wanted) :])


def test_an_override_and_the_flags_have_what_is_asked_of_them() -> None:
    override = compose.parse("optim.lr=0.1")
    assert {name for name in OVERRIDE if hasattr(override, name)} == OVERRIDE
    assert vars(compose.read([]).flags).keys() >= FLAGS
    assert vars(HydraConfig.instance()).keys() == {"cfg"}  # where the config is put that resolvers ask


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_each_private_name_of_hydra_stands_in_the_table_above() -> None:
    """`compose` imports Hydra; `scope`, which puts back what Python code had set there, only its public singletons."""
    found = {
        str(path.relative_to(ROOT / "dlrun")): names
        for path in (ROOT / "dlrun").rglob("*.py")
        if (names := {each for each in imports_of(path) if each.startswith("hydra")})
    }
    assert sorted(found) == ["api/scope.py", "config/compose.py"]
    assert not any(part.startswith("_") for each in found["api/scope.py"] for part in each.split("."))
    private = {each for each in found["config/compose.py"] if any(part.startswith("_") for part in each.split("."))}
    assert len(private) > 4 and private <= set(PRIVATE)


LINES = [
    ["model=lstm", "optim.lr=0.5"],
    ["experiment=resnet_fashion_mnist", "model.stem=auto", "++trainer.epochs=3"],
    ["model=mlp", "data=airfoil", "model.hidden=[3,4]", "seed=7", "device=cpu"],
    ["optim.lr=${model.rate}", "+model.rate=0.25"],
]


@pytest.mark.parametrize("typed", LINES)
def test_a_job_of_a_sweep_composes_as_a_run_of_its_own(typed: list[str]) -> None:
    """Values set on a copy, as a sweep does it, are what Hydra itself makes of them."""
    composer = Composer(compose.read([*typed, "folder=here"]))
    one = composer.one()
    job = composer.job(composer.command.overrides, ignore_missing_keys=False, trusted=())
    assert job == one
    assert one.config["choices"]["model"] == one.config["choices"]["tuned"].split("_")[0]


def test_nothing_is_kept_from_one_composition_to_the_next() -> None:
    first = Composer(compose.read(["model=lstm", "optim.lr=0.5"])).one()
    composer = Composer(compose.read(["optim.lr=1,2"]))
    jobs = [
        composer.job([composer.parse(each) for each in typed], ignore_missing_keys=False, trusted=())
        for typed in (["model=lstm", "optim.lr=9"], ["model=lstm"], ["model=lstm", "optim.lr=0.5"])
    ]
    rates = [each.config["optim"]["lr"] for each in jobs]
    assert rates[0] == 9 and rates[1] not in (9, 0.5)
    assert {**jobs[2].config, "folder": ""} == {**first.config, "folder": ""}


def test_null_leaves_a_file_out(cli: Cli) -> None:
    def rate(*typed: str) -> float:
        code, out, err = cli("--cfg", "job", "-p", "optim.lr", *typed)
        assert code == 0, err
        return float(out)

    assert rate("model=lstm", "tuned=null") == rate("optim=adam") != rate("model=lstm")
    assert cli("experiment=null", "sweep=null", "--cfg", "job")[0] == 0


FLAGS_SHOW = {  # a flag of Hydra's -> what stands in its answer
    ("--cfg", "job"): "\nmodel:\n  _target_: dlrun.model.linear.Linear\n",
    ("--cfg", "all"): "\n  searchpath: []\n",
    ("--cfg", "job", "--package", "model", "model=lenet"): "# @package model\n_target_: dlrun.model.lenet.LeNet\n",
    ("--cfg", "job", "--resolve", "model=mlp"): "-mlp-fashion_mnist\n",
    ("--info", "defaults", "model=lstm"): "| model/lstm ",
    ("--info", "searchpath", "--config-dir", "own"): "| command-line ",
    ("--config-dir", "own", "--config-name", "other", "--cfg", "job"): "other: 1\n",
    ("--config-path", "own", "--config-name", "other", "--cfg", "job"): "other: 1\n",
    ("--config-path", "pkg://dlrun.conf", "--cfg", "job", "-p", "seed"): "0\n",
    ("--hydra-help",): "== Configuration groups ==",
    ("-sc", "install=bash"): "complete -o nospace",
}


@pytest.mark.parametrize("argv", FLAGS_SHOW)
def test_hydras_flags(argv: tuple[str, ...], cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/other.yaml").write_text("other: 1\n")
    if "--info" in argv:  # which turns the logging of the whole process to stdout
        done = subprocess.run([sys.executable, "-m", "dlrun", *argv], capture_output=True, text=True, cwd=tmp_path)
        code, out, err = done.returncode, done.stdout, done.stderr
    else:
        code, out, err = cli(*argv)
    assert code == 0 and FLAGS_SHOW[argv] in out, err
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_versions(cli: Cli) -> None:
    assert cli("--version")[1].startswith("dlrun ")
    done = subprocess.run([sys.executable, "-m", "dlrun", "seed=1", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, "Hydra")


@pytest.mark.parametrize("flag", [("--cfg", "job"), ("--info", "all"), ("--hydra-help",)])
def test_a_sweep_shows_nothing(flag: tuple[str, ...], cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("-m", *flag, "seed=0,1")
    assert (code, out) == (2, "") and err.startswith("error: Only one of -m, --cfg, ")
    assert list(tmp_path.iterdir()) == []


def test_completion_offers_what_can_be_typed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMP_LINE", "dlrun t")
    monkeypatch.setenv("COMP_POINT", "7")
    code, out, err = cli("-sc", "query=bash")
    assert code == 0 and {"task=", "trainer="} <= set(out.split()) and "tuned" not in out, err


def test_an_experiment_may_say_who_runs_a_sweep(tmp_path: Path) -> None:
    """What a sweep says once may stand in a file, and the jobs' values don't reach it."""
    (tmp_path / "own/experiment").mkdir(parents=True)
    (tmp_path / "own/experiment/mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /model: mlp\n  - override /data: airfoil\n"
        "launcher:\n  workers: 1\n"
    )
    typed = ["--config-dir", str(tmp_path / "own"), "experiment=mine", "model.hidden=[3],[4]", "folder=s"]
    once, hydras = Composer(compose.read(["-m", *typed])).whole()
    assert (once["launcher"]["workers"], once["folder"]) == (1, "s") and set(hydras) == {"launcher", "sweeper"}
    once, _ = Composer(compose.read(["-m", *typed, "launcher.workers=3"])).whole()
    assert once["launcher"]["workers"] == 3
