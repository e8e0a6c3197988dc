# ruff: noqa: E501 - tables: an attack a line
"""Checkpoints as a stranger may write them: pickles that run something, archives that swell, states that do not fit."""

import io
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.hostile.mutate import Case, put
from chaos.hostile.world import World

BOTH = ("best.pt", "last.pt")
VERBS = ("eval", "resume", "eval_last", "predict")


class Shell:
    """Unpickled, it would run a command."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command,)


def files(make: Callable[[World], bytes]) -> Any:
    """Both checkpoints are these bytes."""

    def mutate(folder: Path, world: World) -> None:
        for name in BOTH:
            (folder / "checkpoints" / name).write_bytes(make(world))

    return mutate


def state(changes: dict[str, Any]) -> Any:
    """Both checkpoints, with other content; a function changes what was there. Written as dlrun itself writes them."""

    def mutate(folder: Path, _: World) -> None:
        import torch

        for name in BOTH:
            path = folder / "checkpoints" / name
            kept = torch.load(path, weights_only=True)
            for key, value in changes.items():
                put(kept, key, value() if callable(value) else value)
            torch.save(kept, path)

    return mutate


def saved(content: Any, **options: Any) -> Callable[[World], bytes]:
    def make(world: World) -> bytes:
        import torch

        file = io.BytesIO()
        torch.save(content(world) if callable(content) else content, file, **options)
        return file.getvalue()

    return make


def shell(world: World) -> Shell:
    return Shell(f"touch {world.canary}/pickle")


def archive(parts: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return file.getvalue()


def tar(world: World) -> bytes:
    """torch's oldest format, with a pickle that runs something, and a member that climbs out."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        for name in ("storages", "tensors", "pickle", "../../../home/.bashrc"):
            content = pickle.dumps(shell(world), 2)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return file.getvalue()


def bomb(world: World) -> bytes:
    """4 GB of zeros, packed into 4 MB."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
        made.open("archive/data.pkl", "w", force_zip64=True) as part,
    ):
        for _ in range(4 << 10):
            part.write(bytes(1 << 20))
    return file.getvalue()


def claimed(world: World) -> bytes:
    """An archive whose directory claims 4 GB for a part of 10 bytes."""
    made = bytearray(archive({"archive/data.pkl": b"x" * 10}))
    at = made.rindex(b"PK\x01\x02")
    made[at + 20 : at + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    return bytes(made)


def opcodes() -> dict[str, bytes]:
    command = b"touch @CANARY@/opcode"
    return {
        "GLOBAL": b"cos\nsystem\n(S'" + command + b"'\ntR.",
        "INST": b"(S'" + command + b"'\nios\nsystem\n.",
        "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c" + bytes([120]) + command.ljust(120) + b"\x85R.",
        "getattr": b"c__builtin__\ngetattr\n(ctorch\nos\nS'system'\ntR.",
        "torch.os": b"ctorch\nos.system\n(S'" + command + b"'\ntR.",
        "_rebuild": b"ctorch._utils\n_rebuild_wrapper_subclass\n(tR.",
        "recursion": b"(" * 100_000 + b".",
        "a memo without end": b"]q\x00" + b"h\x00a" * 100_000 + b".",
        "LONG4": b"\x8b\xff\xff\xff\x7f" + b"1" * 100 + b".",
        "BINUNICODE8": b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        "nothing": b"",
        "a stop": b".",
    }


def filled(content: bytes, world: World) -> bytes:
    text = content.replace(b"@CANARY@", str(world.canary).encode())
    if b"\x93\x8c" in text:  # a counted string
        command = f"touch {world.canary}/opcode".encode()
        text = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c" + bytes([len(command)]) + command + b"\x85R."
    return text


def checkpoints() -> list[Case]:
    cases = [
        Case(f"a pickle of protocol {protocol}", files(lambda world, p=protocol: pickle.dumps(shell(world), p)), VERBS)  # type: ignore[misc]
        for protocol in range(6)
    ]
    for name, content in opcodes().items():
        plain = files(lambda world, content=content: filled(content, world))  # type: ignore[misc]
        packed = files(
            lambda world, content=content: archive(  # type: ignore[misc]
                {"archive/data.pkl": filled(content, world), "archive/version": b"3\n"}
            )
        )
        cases += [Case(f"a pickle with {name}", plain, VERBS), Case(f"an archive with {name}", packed, VERBS)]
    parts: dict[str, Callable[[World], bytes]] = {
        "torch.save of code": saved(lambda world: {"model": shell(world)}),
        "torch.save of code, legacy": saved(
            lambda world: {"model": shell(world)}, _use_new_zipfile_serialization=False
        ),
        "legacy without code": saved({"model": {}}, _use_new_zipfile_serialization=False),
        "a tar": tar,
        "a bomb of 4 GB": bomb,
        "a part that claims 4 GB": claimed,
        "names that climb": lambda world: archive(
            {"../../home/.bashrc": b"x", "/etc/x": b"x", "archive/data.pkl": b"."}
        ),
        "TorchScript": lambda world: archive(
            {"archive/constants.pkl": b".", "archive/code/x.py": b"import os", "archive/data.pkl": b"."}
        ),
        "the same part twice": lambda world: archive({"a/data.pkl": b"."}) + archive({"a/data.pkl": b"."}),
        "text": lambda world: b"not a checkpoint\n",
        "a list": saved([1, 2]),
        "null": saved(None),
        "a number": saved(5),
        "an empty state": saved({}),
        "an ordered list of 1e6": saved(list(range(1_000_000))),
    }
    cases += [Case(f"a checkpoint that is {name}", files(make), VERBS) for name, make in parts.items()]
    for key in ("model", "optim", "scheduler", "task", "trainer", "rng", "format"):
        for place, value in enumerate((..., None, 5, [], {}, {"evil": 1}, "x")):  # type: ignore[var-annotated]
            cases.append(Case(f"{key} of a checkpoint is odd {place}", state({key: value}), ("resume", "eval")))
    return cases + [Case(name, state(changes), ("resume", "eval", "predict")) for name, changes in tensors().items()]


def tensors() -> dict[str, dict[str, Any]]:
    """States with other tensors than the model has; made only when they are asked for, as torch is needed."""

    def of(build: Callable[[Any], Any]) -> Callable[[], Any]:
        def make() -> Any:
            import torch

            return build(torch)

        return make

    weight = "model.net.weight"
    odd: dict[str, Any] = {
        "another shape": of(lambda t: t.zeros(7, 7)),
        "sparse": of(lambda t: t.zeros(1, 2).to_sparse()),
        "quantized": of(lambda t: t.quantize_per_tensor(t.zeros(1, 2), 1.0, 0, t.qint8)),
        "complex": of(lambda t: t.zeros(1, 2, dtype=t.complex64)),
        "of NaN": of(lambda t: t.full((1, 2), float("nan"))),
        "of integers": of(lambda t: t.zeros(1, 2, dtype=t.int64)),
        "on no device": of(lambda t: t.zeros(1, 2, device="meta")),
        "expanded to 10^12": of(lambda t: t.zeros(1).expand(10**6, 10**6)),
        "none": None,
        "a word": "x",
    }
    made: dict[str, dict[str, Any]] = {}
    for name, value in odd.items():
        made[f"each weight is {name}"] = {"model": Every(value)}
    made |= {f"a weight more, {name}": {weight: value} for name, value in odd.items()}
    trainer: dict[str, Any] = {
        "step": [-1, 10**30, "x", None, 2.5],
        "best": [float("nan"), "x", None, []],
        "epoch": [-1, 10**12, None],
    }
    trainer |= {
        "batch": [-1, 10**12],
        "seconds": ["x", float("nan")],
        "running": [None, {}],
        "scaler": [{"x": 1}],
        "evil": [1],
    }
    made |= {
        f"trainer.{key} is {value!r}": {f"trainer.{key}": value} for key, values in trainer.items() for value in values
    }
    for name in ("torch", "python", "numpy", "cuda", "data"):
        made[f"rng.{name} is short"] = {f"rng.{name}": of(lambda t: t.zeros(3, dtype=t.uint8))}
        made[f"rng.{name} is a word"] = {f"rng.{name}": "x"}
    for value in (
        None,
        [],
        {},
        {"state": None, "param_groups": None},
        {"state": {}, "param_groups": [{"params": [0] * 50}]},
    ):
        made[f"optim is {value}"] = {"optim": value}
    made["a newer format"] = {"format": 10**6}
    return made


class Every:
    """Stands in a state for: each of its tensors is this."""

    def __init__(self, value: Any):
        self.value = value

    def __call__(self) -> Any:
        value = self.value() if callable(self.value) else self.value
        return {"net.weight": value, "net.bias": value, "weight": value, "bias": value, "layer.weight": value}


GROUPS = {"checkpoints": checkpoints}
