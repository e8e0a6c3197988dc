# ruff: noqa: E501 - tables: an attack a line
"""config.yaml as a stranger may write it: what is to be built, data of his, and YAML that is a weapon by itself."""

from pathlib import Path
from typing import Any

import yaml
from chaos.hostile.mutate import Case, both, config, filled, summary, text
from chaos.hostile.world import ANSWERS, LISTS, World

SHELL = "touch @CANARY@/shell"
TARGETS: dict[str, dict[str, Any]] = {  # a callable that must not be reached -> what it would be called with
    "os.system": {"command": SHELL},
    "posix.system": {"command": SHELL},
    "subprocess.getoutput": {"cmd": SHELL},
    "subprocess.Popen": {"args": ["touch", "@CANARY@/popen"]},
    "builtins.exec": {"source": "open('@CANARY@/exec', 'w')"},
    "builtins.open": {"file": "@CANARY@/open", "mode": "w"},
    "importlib.import_module": {"name": "stranger.evil"},
    "runpy.run_path": {"path_name": "stranger/evil.py"},
    "pickle.loads": {"data": "cos\nsystem\n(S'touch @CANARY@/pickle'\ntR."},
    "yaml.unsafe_load": {"stream": "!!python/object/apply:os.system ['touch @CANARY@/yaml']"},
    "ctypes.CDLL": {"name": "stranger/evil.so"},
    "hydra.utils.call": {"config": {"_target_": "os.system", "command": SHELL}},
    "hydra.utils.instantiate": {"config": {"_target_": "os.system", "command": SHELL}},
    "torch.os.system": {"command": SHELL},
    "torch.nn.modules.module.functools.partial": {"func": "os.system"},
    "torch.optim.optimizer.functools.partial": {"func": "os.system"},
    "torch.hub.load": {"repo_or_dir": "stranger", "model": "evil", "source": "local"},
    "torch.load": {"f": "stranger/checkpoints/best.pt", "weights_only": False},
    "torch.utils.collect_env.run": {"command": SHELL},
    "torch.utils.cpp_extension.load": {"name": "evil", "sources": ["stranger/evil.cpp"]},
    "torch.package.PackageImporter": {"file_or_buffer": "stranger/evil.pt"},
    "torch.distributed.run.main": {"args": ["stranger/evil.py"]},
    "torch.nn.attention._fa4._fa4_import_module": {"module_path": "stranger.evil"},
    "torch.nn.modules._functions.torch.load": {"f": "stranger/checkpoints/best.pt"},
    "torch.nn.utils.stateless.functional_call": {},
    "torch.optim.swa_utils.AveragedModel": {},
    "torch.optim.lr_scheduler.LambdaLR": {"lr_lambda": "os.system"},
    "dlrun.store.kept.os.system": {"command": SHELL},
    "dlrun.run.git.state": {"folder": "@CWD@"},
    "dlrun.cli.main": {},
    "dlrun.cli.exit_code": {"argv": ["prune", ".", "--where", "seed=0", "--runs", "--yes"]},
    "dlrun.cli.dispatch": {"argv": ["prune", "other", "--where", "seed=0", "--runs", "--yes"]},
    "dlrun.verbs.prune.run": {"argv": ["other", "--where", "seed=0", "--runs", "--yes"]},
    "dlrun.verbs.tensorboard.run": {"argv": ["."]},
    "dlrun.run.folder.RunDir.create": {"wanted": "@CWD@/made"},
    "dlrun.store.kept.replace_text": {"folder": "@HOME@", "name": ".bashrc", "text": "x"},
    "dlrun.console.log_to": {"path": "@HOME@/.bashrc"},
    "dlrun.files.stand_ins.stand_in": {"name": "../../x"},
    "dlrun.data.airfoil.write_stand_in": {"folder": "@HOME@"},
    "dlrun.config.bind.locate": {"target": "os.system", "trusted": ["os"]},
    "dlrun.config.bind.importlib.import_module": {"name": "stranger.evil"},
    "dlrun.model.linear.Linear.__init__": {},
    "dlrun.model.linear.Linear.__class__": {},
    "dlrun.model.linear.Linear.__subclasses__": {},
    "dlrun.model.linear.nn.Module": {},
    "antigravity.webbrowser.open": {"url": "file:///"},
}
SPELLINGS: list[Any] = [
    "", ".", "..", "os", "dlrun", "torch.nn", "dlrun.", ".dlrun.model.linear.Linear", "dlrun..model.linear.Linear",
    " dlrun.model.linear.Linear", "dlrun.model.linear.Linear ", "dlrun.model.linear:Linear", "dlrun/model/linear.Linear",
    "DLRUN.model.linear.Linear", "dlrun.model.linear.Linear\0", "dlrun.model.linear.lineаr", "dlrun.modél.x.Y",
    "dlrun.model.nosuch.Linear", "torch.nn.Linear()", "torch.nn.Linear;os.system", "x" * 200_000, "dlrun." * 2_000 + "x",
    "torch.nn.__builtins__.exec", "torch.nn.Module", "torch.nn.Sequential", None, 5, True, 0.1, [], ["os.system"],
    {"_target_": "os.system", "command": SHELL}, {}, "${oc.env:HOME}", "${model}", "@CANARY@/x",
]  # fmt: skip
SECTIONS = ("data", "task", "optim", "scheduler", "init", "device", "trainer", "launcher", "hydra", "callbacks")
NESTED = {"_target_": "os.system", "command": SHELL}


def evil(folder: Path, world: World) -> None:
    """What the addresses above lead to, would they be followed."""
    code = filled("open('@CANARY@/evil', 'w')\n", world)
    for name in ("evil.py", "__init__.py", "hubconf.py"):
        (folder / name).write_text(code)


def vectors(run: str | None, file: str | None) -> dict[str, Any]:
    return {"_target_": "dlrun.init.vectors", "run": run, "file": file, "freeze": True}


def targets() -> list[Case]:
    cases = [
        Case(f"model is {target}", both(evil, config({"model": {"_target_": target} | options})), ANSWERS)
        for target, options in TARGETS.items()
    ]
    cases += [
        Case(
            f"model._target_ spelled {place}", config({"model._target_": value}), ("eval", "resume", "rerun", "sample")
        )
        for place, value in enumerate(SPELLINGS)
    ]
    some = ("eval", "resume", "rerun", "sample", "vectors")
    cases += [Case(f"{section} is os.system", config({section: NESTED}), some) for section in SECTIONS]
    more: dict[str, dict[str, Any]] = {
        "trusted is os": {"trusted": ["os"], "model": NESTED},
        "trusted is all": {"trusted": ["", ".", "*", "torch", "builtins", "subprocess"], "model": NESTED},
        "trusted is torch": {"trusted": ["torch"], "model": {"_target_": "torch.utils.collect_env.run", "command": SHELL}},
        "trusted is in the folder": {"trusted": ["stranger"], "model": {"_target_": "stranger.evil.Model"}},
        "an option is a target": {"optim.lr": NESTED},
        "a list of targets": {"data.weights": [NESTED, NESTED]},
        "a model's option is a target": {"model.bias": NESTED},
        "_partial_": {"model._partial_": True, "model._args_": [1], "model._convert_": "all", "model._recursive_": True},
        "_args_ of an optimizer": {"optim._args_": [NESTED]},
        "environment": {"folder": "${oc.env:HOME}", "choices.model": "${oc.env:HOME}", "seed": "${oc.decode:5}"},
        "hydra in the config": {"hydra": {"callbacks": {"x": NESTED}, "searchpath": ["file://stranger/conf"]}},
        "defaults in the config": {"defaults": [{"model": "evil"}]},
        "a package of torch's": {"optim._target_": "torch.optim.optimizer.register_optimizer_step_pre_hook"},
        "an optimizer as a model": {"model._target_": "torch.optim.SGD"},
        "a model as an optimizer": {"optim._target_": "dlrun.model.linear.Linear"},
        "a task as data": {"data": {"_target_": "dlrun.task.regress.Regress"}},
        "data as a task": {"task": {"_target_": "dlrun.data.synthetic_linear.load"}},
        "an abstract class": {"optim._target_": "torch.optim.Optimizer"},
        "vectors of the folder itself": {"init": vectors("stranger", None)},
        "vectors elsewhere": {"init": vectors("@HOME@", None)},
        "vectors of a file": {"init": vectors(None, "/dev/zero")},
    }  # fmt: skip
    return cases + [Case(name, both(evil, config(changes)), some) for name, changes in more.items()]


# values of the wrong kind


WRONG: list[Any] = [None, "x", 5, [], {"a": {"b": []}}, True, float("nan"), -1, 10**30, "\udcff", [[[]]], "1" * 6_000]
KEYS = ["seed", "batch_size", "stand_in", "trusted", "folder", "trainer", "init", "task", "data", "optim", "scheduler", "model", "device", "choices", "choices.model", "choices.data", "choices.optim", "choices.tuned", "trainer.epochs", "trainer.max_steps", "trainer.clip", "trainer.accumulate", "trainer.patience", "trainer.compile", "trainer.limit_batches", "data.n", "data.weights", "data.noise", "data.val", "data.seed", "optim.lr", "optim.weight_decay", "scheduler.every", "scheduler.warmup", "scheduler.factor", "device.name", "device.precision", "nosuch"]  # fmt: skip


def kinds() -> list[Case]:
    """Each key of a config without its value, and with values of every other kind in turn."""
    verbs = ("eval", "resume", "rerun", "runs_where", "compare")
    cases = [Case(f"{key} is missing", config({key: ...}), verbs) for key in KEYS]
    for place, key in enumerate(KEYS):
        for turn in range(4):
            at = (place + 3 * turn) % len(WRONG)
            if (key, WRONG[at]) == ("trainer.compile", True):
                continue  # that is a value of its kind, and compiles for a long time
            made = config({key: WRONG[at]}) if WRONG[at] != "\udcff" else config({key: "\x07"})
            cases.append(Case(f"{key} is wrong {at}", made, verbs))
    odd: dict[str, dict[Any, Any]] = {
        "a number is a key": {5: 5},
        "null is a key": {None: 5},
        "a key of a list": {(1, 2): 3},
    }
    cases += [Case(name, added_key(change), verbs) for name, change in odd.items()]
    return cases


def added_key(change: dict[Any, Any]) -> Any:
    def mutate(folder: Path, _: World) -> None:
        kept = yaml.safe_load((folder / "config.yaml").read_text())
        kept["model"] |= change
        (folder / "config.yaml").write_text(yaml.dump(kept | change))

    return mutate


# YAML itself


def yamls() -> list[Case]:
    aliases = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    merges = "m0: &m0 {x: 1}\n" + "".join(
        f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: 1}}\n" for n in range(1, 30)
    )
    tags = ["!!python/object/apply:os.system ['touch @CANARY@/tag']", "!!python/name:os.system", "!!python/module:stranger",
            "!!python/object/new:os.system ['x']", "!!python/tuple [1]", "!!binary aGk=", "!!set {a, b}", "!!omap [a: 1]",
            "!!timestamp 2001-01-01", "!!int x", "!!float x", "!!bool x", "!!null x", "!nosuch x", "!<tag:x> y", "!!merge x"]  # fmt: skip
    heads = {f"tag {tag.split()[0]}": f"extra: {tag}\n" for tag in tags}
    heads |= {f"seed with {tag.split()[0]}": f"seed: {tag}\n" for tag in tags[:6]}
    heads |= {
        "a bomb of aliases": aliases,
        "a bomb of merges": merges,
        "a list that holds itself": "extra: &l [*l]\n",
        "a mapping that holds itself": "extra: &m {x: *m}\n",
        "a config that holds itself": "&m\nextra: *m\n",
        "lists 3,000 deep": f"extra: {'[' * 3_000}{']' * 3_000}\n",
        "lists 100,000 deep": f"extra: {'[' * 100_000}{']' * 100_000}\n",
        "mappings 3,000 deep": f"extra: {'{a: ' * 3_000}{'}' * 3_000}\n",
        "mappings by lines": "".join(f"{' ' * depth}a:\n" for depth in range(2_000)),
        "a number of 6,000 digits": f"seed: {'9' * 6_000}\n",
        "a float of 6,000 digits": f"seed: 0.{'9' * 6_000}\n",
        "a number of 10,000 sexagesimals": f"extra: {':'.join(['59'] * 10_000)}\n",
        "a key of 100,000 characters": f"? {'k' * 100_000}\n: 1\n",
        "a document more": "---\nseed: 1\n---\nseed: 2\n",
        "a directive": "%YAML 9.9\n---\n",
        "a tab": "\tx: 1\n",
        "an alias of nothing": "extra: *nosuch\n",
        "an anchor alone": "extra: &x\n",
        "infinite": "seed: .inf\nextra: .nan\n",
        "200,000 keys": "".join(f"k{n}: {n}\n" for n in range(200_000)),
    }
    verbs = ("eval", "resume", "rerun", "runs_where", "compare")
    cases = [Case(name, head(content), verbs) for name, content in heads.items()]
    whole: dict[str, str | bytes] = {
        "an empty config": "", "a list": "- 1\n- 2\n", "a word": "x\n", "null": "null\n", "NUL bytes": b"\0" * 4_096,
        "UTF-16": "seed: 0\n".encode("utf-16"), "no UTF-8": b"seed: \xff\xfe\n", "a BOM": b"\xef\xbb\xbfseed: 0\n",
        "random bytes": bytes(range(256)) * 16, "a line of 3 MB": "seed: " + "x" * 3_000_000, "an open quote": "seed: 'x\n",
        "choices alone": "choices: {}\n", "only null": "choices: null\n", "escapes in a key": '"\\x1b[2J\\x9b1m": 1\nchoices: {}\n',
    }  # fmt: skip
    cases += [Case(f"config.yaml is {name}", text("config.yaml", content), verbs) for name, content in whole.items()]
    # Lists read config.yaml themselves where there is no status yet.
    cases += [
        Case(f"{name}, no summary", both(head(heads[name]), text("summary.json", "{}")), LISTS)
        for name in ("a bomb of aliases", "a bomb of merges", "lists 100,000 deep", "a config that holds itself")
    ]
    return cases


def head(content: str) -> Any:
    """Before the config's own lines; a `seed` of these takes the place of its own."""

    def mutate(folder: Path, world: World) -> None:
        own = (folder / "config.yaml").read_text()
        kept = "".join(line for line in own.splitlines(True) if not line.startswith("seed:") or "seed:" not in content)
        (folder / "config.yaml").write_text(filled(content, world) + kept)

    return mutate


# what is shown


NASTY = ["\x1b[2J\x1b[1;1H", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\click\x1b]8;;\x1b\\", "\x1b]52;c;cm0=\x07", "\x9b2J", "\x9d0;x\x9c",
         "\u202egnp.exe", "\u2066x\u2069", "a\rb", "a\x08b", "a\nb: forged\nerror: forged", "[bold red]x[/]", "[link=file:///etc]x[/link]",
         "'; touch @CANARY@/quoted #", "$(touch @CANARY@/dollar)", "x" * 20_000, "\x00", "\x7f"]  # fmt: skip
FIELDS = ["choices.model", "choices.data", "choices.optim", "status", "error", "goal.metric", "goal.mode", "metrics.X", "overrides", "seed", "data.name", "data.source", "versions.torch", "versions.X", "device", "git.commit", "X"]  # fmt: skip


def shown() -> list[Case]:
    """Text that a terminal would obey, in each field that is shown."""
    verbs = ("runs", "runs_where", "compare", "eval", "resume", "rerun", "prune")
    cases = []
    for place, field in enumerate(FIELDS):
        nasty = "".join(NASTY[(place + n) % len(NASTY)] for n in range(4))
        value: Any = [nasty, f"model={nasty}"] if field == "overrides" else nasty
        changes = {field.replace("X", nasty.replace(".", "")): 0.5 if field == "metrics.X" else value}
        cases.append(Case(f"summary's {field}", summary(changes), verbs))
    everywhere = "".join(NASTY[:11]) + "".join(NASTY[16:])
    for key in (
        "choices.model",
        "choices.data",
        "choices.optim",
        "folder",
        "model._target_",
        "data._target_",
        "optim.X",
        "X",
    ):
        changes = {key.replace("X", everywhere.replace(".", "")): everywhere}
        cases.append(Case(f"config's {key}", config(changes), ("resume", "eval", "rerun", "compare", "runs_where")))
    cases += [
        Case(f"config's {key} too", config({key: everywhere}), ("eval", "rerun"))
        for key in ("stand_in", "seed", "trusted", "optim.lr", "device.name", "data.weights", "scheduler.every")
    ]
    cases.append(
        Case(
            "trusted names",
            config({"trusted": [everywhere], "model._target_": f"{everywhere}.x.Y"}),
            ("eval", "resume"),
        )
    )
    return cases


GROUPS = {"targets": targets, "kinds": kinds, "yaml": yamls, "shown": shown}
