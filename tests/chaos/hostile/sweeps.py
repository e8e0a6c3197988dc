# ruff: noqa: E501 - tables: an attack a line
"""Sweep folders: jobs that lie elsewhere, a command of the stranger's own, and the files beside them."""

import json
import pickle
from pathlib import Path
from typing import Any

from chaos.hostile.checkpoints import shell
from chaos.hostile.configs import NASTY, NESTED, SHELL
from chaos.hostile.mutate import Case, Mutation, as_json, both, fifo, filled, gone, huge, jobs, link, text
from chaos.hostile.world import World

JOBS = "[0-9]*"
AGAIN = gone(JOBS)  # no job has run yet: all of them would now
RUN = ("resume_sweep", "runs_sweep", "prune_sweep", "extend")
ODD: list[Any] = [None, 5, "x", [], [[]], {}, {"x": None}, True, 10**400, "\x1b[2J"]
PLACES: list[Any] = ["..", "../..", ".", "", "/", "@CWD@/photos", "@HOME@", "../photos", "a/b", "a/../..", "x\0y", "x" * 5_000, "checkpoints", "\x1b[2J",
          "sweep.json", ".lock", "~", "..\\..", "-rf", None, 5, [], {}]  # fmt: skip


def command(*words: str, again: Mutation = AGAIN) -> Mutation:
    """sweep.json says that the user typed these as well."""

    def mutate(folder: Path, world: World) -> None:
        again(folder, world)
        kept = json.loads((folder / "sweep.json").read_text())
        kept["command"] = [*kept["command"], *filled(list(words), world)]
        (folder / "sweep.json").write_text(json.dumps(kept))

    return mutate


def conf(folder: Path, world: World) -> None:
    """A folder of configs of the stranger's own, with a callback and a model that run something."""
    (folder / "conf" / "model").mkdir(parents=True)
    (folder / "conf" / "hydra" / "callbacks").mkdir(parents=True)
    evil = filled(f"_target_: torch.utils.collect_env.run\ncommand: {SHELL}\n", world)
    (folder / "conf" / "model" / "evil.yaml").write_text(
        "# @package _global_\nmodel:\n" + "".join(f"  {line}\n" for line in evil.splitlines())
    )
    (folder / "conf" / "hydra" / "callbacks" / "evil.yaml").write_text(
        f"x:\n  _target_: torch.utils.collect_env.run\n  command: {filled(SHELL, world)}\n"
    )
    (folder / "conf" / "config.yaml").write_text("defaults:\n  - model: evil\n")


def commands() -> list[Case]:
    run = "torch.utils.collect_env.run"
    callback = f"+hydra.callbacks.x={{_target_:{run},command:'{SHELL}'}}"
    words: dict[str, list[str]] = {
        "trusted is torch": ["trusted=[torch]", f"model._target_={run}", f"+model.command='{SHELL}'"],
        "trusted is os": ["trusted=[os]", "model._target_=os.system", f"+model.command='{SHELL}'"],
        "data of torch": ["trusted=[torch]", f"data={{_target_:{run},command:'{SHELL}'}}"],
        "a callback": ["hydra/launcher=basic", callback],
        "a callback alone": [callback],
        "a search path": ["hydra.searchpath=[file://stranger/conf]", "model=evil", "trusted=[torch]"],
        "a config folder": ["--config-dir", "stranger/conf", "model=evil", "trusted=[torch]"],
        "a config folder with =": ["--config-dir=stranger/conf", "hydra/callbacks=evil", "hydra/launcher=basic"],
        "a config path": ["--config-path", "@CWD@/stranger/conf"],
        "a config name": ["--config-name", "evil"],
        "another launcher": [f"hydra.launcher._target_={run}", f"+hydra.launcher.command='{SHELL}'"],
        "another sweeper": [f"hydra.sweeper._target_={run}", f"+hydra.sweeper.command='{SHELL}'"],
        "another folder": ["folder=@HOME@"],
        "another folder of Hydra's": ["hydra.sweep.dir=@HOME@", "hydra.run.dir=@HOME@", "hydra.output_subdir=x", "hydra/launcher=basic"],
        "a job's log": ["hydra/job_logging=default", "hydra.job.chdir=true", "hydra/launcher=basic"],
        "the environment": ["hydra.job.env_set={PYTHONPATH:stranger}", "hydra/launcher=basic"],
        "a verb": ["prune", ".", "--where", "seed=0"],
        "help": ["--help"],
        "hydra's help": ["--hydra-help"],
        "info": ["--info"],
        "a shell's completion": ["--shell-completion", "install=bash"],
        "a rerun": ["--experimental-rerun=stranger/evil.pickle"],
        "a package": ["--package=x"],
        "vectors": ["init=vectors", "init.run=@HOME@"],
        "storage": ["+hydra.sweeper.storage=sqlite:////@HOME@/x.db"],
        "an interpolation": ["seed=${oc.env:HOME}"],
        "escapes": ["\x1b[2J=1", "seed=\x1b]0;x\x07"],
        "a million jobs": ["seed=range(1000000000)"],
        "nothing": ["-m", "-m"],
    }  # fmt: skip
    cases = []
    for name, more in words.items():
        cases.append(Case(f"the command has {name}", both(conf, command(*more)), ("extend", "resume_sweep")))
        cases.append(
            Case(
                f"a search's command has {name}",
                both(conf, command(*more, again=as_json("sweep.json", {}))),
                ("resume_search",),
            )
        )
    for place, value in enumerate(ODD):
        cases.append(
            Case(f"the command is odd {place}", as_json("sweep.json", {"command": value}), ("extend", "resume_search"))
        )
        cases.append(Case(f"the kind is odd {place}", both(AGAIN, as_json("sweep.json", {"kind": value})), RUN))
        cases.append(Case(f"the launcher is odd {place}", both(AGAIN, as_json("sweep.json", {"launcher": value})), RUN))
        cases.append(Case(f"the workers are odd {place}", both(AGAIN, as_json("sweep.json", {"workers": value})), RUN))
    for target in (
        "os.system",
        run,
        "dlrun.cli.main",
        "dlrun.run.git.state",
        "subprocess.getoutput",
        "dlrun.sweep.ray.Workers",
    ):
        workers = {"_target_": target, "command": SHELL}
        cases.append(
            Case(f"the workers are {target}", both(AGAIN, as_json("sweep.json", {"workers": workers})), RUN[:1])
        )
    for key, value in {"workers": 10**6, "threads": 10**9, "gpus": ["x"], "ignore_missing_keys": 5}.items():
        cases.append(
            Case(f"launcher.{key} is {value}", both(AGAIN, as_json("sweep.json", {f"launcher.{key}": value})), RUN[:1])
        )
    return cases


def job_files() -> list[Case]:
    cases = []
    for place, where in enumerate(PLACES):

        def moved(job: dict[str, Any], where: Any = where) -> None:
            job["config"]["folder"] = where

        cases.append(Case(f"a job's folder is odd {place}", both(AGAIN, jobs(moved)), RUN[:3]))
        cases.append(Case(f"a job that ran is in an odd folder {place}", jobs(moved), RUN[:3]))

    def changed(key: str, value: Any) -> Mutation:
        def change(job: dict[str, Any]) -> None:
            *above, last = key.split(".")
            node = job
            for step in above:
                node = node[step]
            node[last] = value

        return both(AGAIN, jobs(change))

    for key in ("number", "overrides", "config", "config.choices", "config.model", "config.trusted", "config.seed"):
        for place, value in enumerate(ODD):
            cases.append(Case(f"a job's {key} is odd {place}", changed(key, value), RUN[:2]))
    more: dict[str, Mutation] = {
        "a job trusts os": changed("config.trusted", ["os"]),
        "a job's model is os.system": changed("config.model", NESTED),
        "a job's model is git.state": changed("config.model", {"_target_": "dlrun.run.git.state"}),
        "a job's data lies elsewhere": changed("config.data", {"_target_": "dlrun.data.airfoil.write_stand_in", "files": {}, "name": "../cwd"}),
        "a key more": changed("evil", 1),
        "numbers that start at 9": changed("number", 9),
        "overrides that are shell words": changed("overrides", ["seed=0'; touch @CANARY@/quoted #", *NASTY[:6]]),
        "a job's folder is a link": both(AGAIN, link("0-linear-synthetic_linear", "@CWD@/photos")),
        "a job's folder is my run": both(AGAIN, link("0-linear-synthetic_linear", "@CWD@/other/run")),
        "a job's folder is my home": both(AGAIN, link("0-linear-synthetic_linear", "@HOME@")),
        "a job's folder is nothing yet": both(AGAIN, link("0-linear-synthetic_linear", "@CANARY@/made")),
        "a job's folder is a file": both(AGAIN, text("0-linear-synthetic_linear", "x")),
        "both jobs in one folder": both(AGAIN, changed("config.folder", "same")),
        "a job's summary is a link": link("0-linear-synthetic_linear/summary.json", "@HOME@/facts.json"),
        "a job's summary is a FIFO": fifo("0-linear-synthetic_linear/summary.json"),
        "a job's log is a link": both(link("0-linear-synthetic_linear/run.log", "@HOME@/.bashrc"), gone("*/summary.json")),
        "a job's checkpoints are mine": both(link("0-linear-synthetic_linear/checkpoints", "@CWD@/other/run/checkpoints"), gone("*/summary.json")),
        "a job's config is a link": both(AGAIN, link("0-linear-synthetic_linear/config.yaml", "@HOME@/.bashrc")),
    }  # fmt: skip
    return cases + [Case(name, mutate, RUN[:2]) for name, mutate in more.items()]


def beside() -> list[Case]:
    """sweep.json, jobs.jsonl, sweep.log, the leaderboard, Optuna's journal."""
    deep = "[" * 100_000
    cases = []
    for name in ("sweep.json", "jobs.jsonl"):
        bad = {
            "null": "null\n",
            "a list": "[]\n",
            "cut": '{"a',
            "deep": deep + "\n",
            "NULs": "\0" * 512,
            "empty": "",
            "a word": '"x"\n',
            "digits": "9" * 5_000 + "\n",
        }
        cases += [Case(f"{name} is {told}", both(AGAIN, text(name, content)), RUN) for told, content in bad.items()]
        cases += [Case(f"{name} is no UTF-8", both(AGAIN, text(name, b"\xff\xfe\n")), RUN)]
    for name in (
        "sweep.json",
        "jobs.jsonl",
        "sweep.log",
        "leaderboard.json",
        "leaderboard.md",
        ".lock",
        ".leaderboard.lock",
    ):
        cases.append(Case(f"{name} is a FIFO", both(AGAIN, fifo(name)), RUN))
        cases.append(Case(f"{name} has 100 GB", both(AGAIN, huge(name)), RUN))
        for target in ("@HOME@/.bashrc", "@CANARY@/made", "/dev/zero"):
            cases.append(Case(f"{name} leads to {target}", both(AGAIN, link(name, target)), RUN))
    search = ("resume_search",)
    for target in ("@HOME@/.bashrc", "@CANARY@/made", "/dev/zero"):
        cases.append(Case(f"optuna.log leads to {target}", link("optuna.log", target), search))
        cases.append(Case(f"optuna.log.lock leads to {target}", link("optuna.log.lock", target), search))
    journals: dict[str, Mutation] = {
        "a pickle": lambda folder, world: (folder / "optuna.log").write_bytes(pickle.dumps(shell(world))),
        "no JSON": text("optuna.log", "x\n"),
        "an odd code": text("optuna.log", '{"op_code": 99, "worker_id": "x"}\n'),
        "null": text("optuna.log", "null\n"),
        "deep": text("optuna.log", deep + "\n"),
        "gone": gone("optuna.log"),
        "a FIFO": fifo("optuna.log"),
        "100 GB": huge("optuna.log"),
        "NULs": text("optuna.log", bytes(4_096)),
    }
    cases += [Case(f"optuna.log is {name}", mutate, search) for name, mutate in journals.items()]
    return cases + [Case("a state of CMA-ES runs something", both(cma_es, state_of_cma_es), search)]


cma_es = command("hydra.sweeper.sampler=cmaes", "hydra.sweeper.trials=4", again=gone())


def state_of_cma_es(folder: Path, world: World) -> None:
    """As Optuna keeps it: a pickle, among the attributes of a trial that has ended."""
    lines = [json.loads(line) for line in (folder / "optuna.log").read_text().splitlines()]
    evil = {"cma:optimizer:0": pickle.dumps(shell(world)).hex()}
    ends = [at for at, line in enumerate(lines) if line["op_code"] == 6]
    for at in reversed(ends):
        same = {name: lines[at][name] for name in ("worker_id", "trial_id")}
        lines.insert(at, {"op_code": 9, **same, "system_attr": evil})
    (folder / "optuna.log").write_text("".join(json.dumps(line) + "\n" for line in lines))


GROUPS = {"commands of a sweep": commands, "jobs": job_files, "beside the jobs": beside}
