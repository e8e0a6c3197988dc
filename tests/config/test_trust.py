"""Whose code may run: what conf/ offers, and what the person at the command line trusts. Nothing that a folder says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from runs import Cli

from dlrun.cli import exit_code

ROOT = Path(__file__).parents[2]
TINY = ("trainer.max_steps=3", "trainer.limit_batches=2", "batch_size=8")
SWEEP = ("-m", "model=linear", "optim.lr=0.1,0.01", *TINY)

TARGETS = [
    *("os.system", "torch.os.system", "torch.nn.functional.torch.os.system", "torch.nn._reduction.warnings.warn"),
    *("torch.nn.attention._fa4._fa4_import_module", "torch.utils.collect_env.run", "torch.hub.load", "builtins.eval"),
    *(
        "dlrun.cli.main",
        "dlrun.run.git.state",
        "dlrun.data.ptb.write_stand_in",
        "dlrun.store.kept.replace",
        "dlrun.model.rnn.nn",
    ),
    *("torch.nn.Module", "torch.nn.init.normal_", "torch.optim.Optimizer", "torch.nn.modules.linear.Linear"),
    *("dlrun.model.mlp.MLP.__init__", "torch.optim.SGD", "linear", ".Linear", "a..b", "dlrun.model.linear.Linear "),
]


@pytest.mark.parametrize("target", TARGETS)
def test_only_what_conf_offers_is_built(target: str, cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli(f"model._target_='{target}'", *TINY)
    assert (code, out) == (2, "") and err.startswith("error: model._target_=") and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run r, and the sweeps grid and optuna."""
    folder = tmp_path_factory.mktemp("saved")
    search = ["hydra/sweeper=optuna", "hydra.sweeper.trials=1"]
    for words in (["model=linear", *TINY, "folder=r"], [*SWEEP, "folder=grid"], [*SWEEP, *search, "folder=optuna"]):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            assert exit_code(words) == 0
    return folder


@pytest.mark.parametrize("group", ["data", "task", "model", "optim", "scheduler", "init"])
@pytest.mark.parametrize("target", ["torch.utils.collect_env.run", "dlrun.data.fr_en.write_stand_in", 5, None, ["a"]])
def test_nor_does_a_saved_config_reach_more(group: str, target: object, cli: Cli, tmp_path: Path, saved: Path) -> None:
    shutil.copytree(saved / "r", tmp_path / "r")
    path = tmp_path / "r/config.yaml"
    config = yaml.safe_load(path.read_text())
    config[group]["_target_"], config["trusted"] = target, ["torch", "dlrun"]
    path.write_text(yaml.safe_dump(config))
    for verb in (["eval", "r"], ["resume", "r", "trainer.max_steps=5"], ["rerun", "r"]):
        code, _, err = cli(*verb)
        assert code == 2 and err.startswith(f"error: {group}._target_=") and err.count("\n") == 1


@pytest.mark.parametrize("value", ["abc", "5", "[5]", "[[a]]", "['a b']", "[torch]", "[os]", "[dlrun.model]"])
def test_trusted_is_a_list_of_packages_of_ones_own(value: str, cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli(f"trusted={value}", *TINY)
    assert code == 2 and err.startswith("error: trusted=") and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


COMMANDS = {
    "trusted": ["trusted=[my_models]", "model._target_=my_models.Evil"],
    "torch": ["trusted=[torch]", "model._target_=torch.utils.collect_env.run", "+model.command=touch PWNED"],
    "config-dir": ["--config-dir", "conf", "model=evil"],
    "config-dir=": ["model=evil", "--config-dir=conf"],
    "searchpath": ["hydra.searchpath=[file://conf]", "model=evil"],
    "callbacks": [
        "hydra/launcher=basic",
        "+hydra.callbacks.x={_target_:torch.utils.collect_env.run,command:touch PWNED}",
    ],
    "sweeper": ["hydra.sweeper._target_=torch.utils.collect_env.run", "+hydra.sweeper.command=touch PWNED"],
    "a sweeper of one's own": ["--config-dir", "conf", "hydra/sweeper=evil", "trusted=[my_models]"],
    "launcher": ["hydra.launcher._target_=torch.utils.collect_env.run", "+hydra.launcher.command=touch PWNED"],
    "a file from elsewhere": ["experiment=../../conf/model/evil"],
    "a package of Hydra's": ["+optim@hydra.callbacks.x=sgd", "+model@hydra.launcher=linear"],
    "target": ["model._target_=torch.utils.collect_env.run", "+model.command=touch PWNED"],
}


@pytest.mark.parametrize("kind", ["grid", "optuna"])
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_sweeps_saved_command_decides_nothing_of_the_kind(
    words: list[str], kind: str, cli: Cli, tmp_path: Path, saved: Path
) -> None:
    shutil.copytree(saved / kind, tmp_path / "s")
    evil = tmp_path / "conf/model/evil.yaml"
    evil.parent.mkdir(parents=True)
    callback = "hydra:\n  callbacks:\n    x:\n      _target_: torch.utils.collect_env.run\n      command: touch PWNED\n"
    evil.write_text(f"# @package _global_\nmodel:\n  _target_: my_models.Evil\n{callback}")
    (tmp_path / "conf/hydra/sweeper").mkdir(parents=True)
    (tmp_path / "conf/hydra/sweeper/evil.yaml").write_text("_target_: my_models.Evil\n")
    (tmp_path / "my_models.py").write_text("import os\nos.system('touch PWNED')\n")
    path = tmp_path / "s/sweep.json"
    facts = json.loads(path.read_text())
    search = ["hydra/sweeper=optuna", "hydra.sweeper.trials=2"] if kind == "optuna" else []
    facts["command"] = [*SWEEP[1:], "folder=s", *search, *words]
    path.write_text(json.dumps(facts))
    more = ["--extend", "optim.lr=0.3"] if kind == "grid" else []
    code, _, err = cli("resume", "s", *more)
    assert code in (0, 1, 2) and "Traceback" not in err
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("node", [{"_target_": "torch.utils.collect_env.run", "command": "touch PWNED"}, {}, {"a": 1}])
def test_nor_its_word_on_who_runs_the_jobs(node: dict[str, str], cli: Cli, tmp_path: Path, saved: Path) -> None:
    shutil.copytree(saved / "grid", tmp_path / "s")
    path = tmp_path / "s/sweep.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"workers": node}))
    code, _, err = cli("resume", "s")
    assert code == 2 and err.startswith("error: hydra/launcher._target_=")


def test_the_cluster_of_a_saved_sweep_is_not_believed(cli: Cli, tmp_path: Path, saved: Path) -> None:
    shutil.copytree(saved / "grid", tmp_path / "s")
    path = tmp_path / "s/sweep.json"
    node = {"_target_": "dlrun.sweep.ray.RayWorkers", "address": "ray://203.0.113.1:10001"}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"workers": node}))
    code, _, err = cli("resume", "s")
    assert code == 2 and "If it is yours: RAY_ADDRESS=ray://203.0.113.1:10001 dlrun resume s" in err


# packages of one's own


def blocks(document: str, language: str) -> list[str]:
    """The text between two fences is a block, that between two blocks is not: so all are found in their order."""
    found = re.findall(
        r"^```(\w*)\n(.*?)^```$", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return [text for name, text in found if name == language]


@pytest.fixture
def documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that CONTRIBUTING shows, where it says that they lie."""
    for module in [each for each in sys.modules if each.partition(".")[0] == "my_package"]:  # another test's
        monkeypatch.delitem(sys.modules, module)
    for block in [*blocks("CONTRIBUTING.md", "python"), *blocks("CONTRIBUTING.md", "yaml")]:
        name = re.match(r"# (my_\S+)\n", block)
        if name:
            path = tmp_path / name[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.partition("\n")[2])
    assert (tmp_path / "my_package/mine.py").exists() and (tmp_path / "my_conf/model/mine.yaml").exists()
    return tmp_path


def typed(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command as a shell takes it, in that folder, with the dlrun of this Python."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DLRUN_MIRRORS": "nowhere"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "README.md"])
def test_a_documents_command_works_as_typed_and_what_it_says_comes_next(document: str, documented: Path) -> None:
    """The first of each document, by a shell; all of CONTRIBUTING's: tests/config/test_own_parts.py."""
    block = next(block.splitlines() for block in blocks(document, "") if "--config-dir" in block)
    command = next(line for line in block if "--config-dir" in line)
    package = re.findall(r"trusted=\[(\w+)\]", command)[0]
    before = [line.partition("#")[0] for line in block if line.startswith(("dlrun new ", "cd "))]
    folder = documented / package if before else documented
    done = typed(" && ".join([*before, f"{command} trainer.max_steps=3 stand_in=always"]), documented)
    assert done.returncode == 0, done.stderr
    follow = re.findall(r"^next: (dlrun .*)$", done.stderr, re.MULTILINE)[0]
    assert f"--trust {package}" in follow
    assert typed(follow, folder).returncode == 0
    again = typed("dlrun resume last trainer.max_steps=5", folder)
    assert again.returncode == 2 and f"If {package} is yours: --trust {package}." in again.stderr


def test_a_package_is_found_beside_its_configs_too(documented: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = documented / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.delenv("DLRUN_PACKAGES", raising=False)
    beside = ("--config-dir", "../my_conf", "model=mine", "trusted=[my_package]", "stand_in=always", *TINY)
    assert cli("-m", *beside, "model.hidden=8,16", "folder=s")[0] == 0
    assert cli("resume", "s", "--extend", "model.hidden=4")[0] == 2
    trusting = ("--trust", "my_package", "--config-dir", "../my_conf")
    assert cli("resume", "s", *trusting, "--extend", "model.hidden=4")[0] == 0


@pytest.mark.slow
def test_a_launcher_of_hydras_finds_it_too(documented: Path) -> None:
    """Joblib's processes know nothing of ours; their jobs lie in the sweep's folder and leaderboard as others do."""
    words = "--config-dir my_conf trusted=[my_package] model=mine model.hidden=8,16 stand_in=always folder=s"
    done = typed(f"dlrun -m {words} hydra/launcher=joblib hydra.launcher.n_jobs=2 {' '.join(TINY)}", documented)
    assert done.returncode == 0, done.stderr
    rows = json.loads((documented / "s/leaderboard.json").read_text())["jobs"]
    assert {(row["job"], row["status"], row["folder"]) for row in rows} == {
        (number, "completed", f"{number}-mine-fashion_mnist") for number in (0, 1)
    }


def test_where_was_looked_is_said(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("model._target_=no_such_one.Mine", "trusted=[no_such_one]")
    assert code == 2
    assert err.startswith(
        "error: model._target_=no_such_one.Mine: there is no module no_such_one. Looked among what is"
    )
    assert str(tmp_path) in err


# the working folder


@pytest.mark.slow
@pytest.mark.parametrize("command", ["dlrun -m {sweep} folder=t", "dlrun resume ."])
def test_nothing_that_lies_in_the_working_folder_is_imported(command: str, tmp_path: Path, saved: Path) -> None:
    """Neither by dlrun nor by the processes that it starts; for `python -m dlrun` see tests/test___main__.py."""
    shutil.copytree(saved / "grid", tmp_path / "s")
    for job in (tmp_path / "s").glob("[0-9]-*"):
        job.rename(tmp_path / job.name)
    for name in ("socket", "numpy", "torch", "yaml", "rich", "random", "sitecustomize", "selectors", "dlrun"):
        (tmp_path / f"s/{name}.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')\n")
    done = typed(command.format(sweep=" ".join(SWEEP[1:])), tmp_path / "s")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "PWNED").exists()
