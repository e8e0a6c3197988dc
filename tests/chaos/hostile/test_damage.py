"""Bits that flip, blocks that are lost, files that are cut or missing: noticed, said, and never other results.

Every place is drawn from a printed seed; DLRUN_CHAOS_SEED=n replays one.
"""

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from chaos.hostile.world import Answer, World
from runs import Run

FULL = os.environ.get("DLRUN_CHAOS") == "full"
SEED = int(os.environ.get("DLRUN_CHAOS_SEED") or random.randrange(10**6))
FLIPS, BLOCKS, CUTS = (80, 30, 40) if FULL else (12, 6, 5)
GO_ON = ["resume", "stranger", "trainer.max_steps=6", "trainer.log_every_steps=1"]
NAMES = ("last.pt", "best.pt")
Change = Callable[[bytearray], bytearray]


def weights(run: Path) -> dict[str, list]:
    """The weights and the optimizer's state that a run ended with."""
    state = Run(run).state()
    return {
        part: [t.tolist() if hasattr(t, "tolist") else t for t in values(state[part])] for part in ("model", "optim")
    }


def values(node: object) -> list:
    if isinstance(node, dict):
        return [inner for value in node.values() for inner in values(value)]
    return [inner for value in node for inner in values(value)] if isinstance(node, list | tuple) else [node]


def changes(place: random.Random) -> dict[str, Change]:
    """Name -> what happens to a file's bytes."""

    def flip(content: bytearray) -> bytearray:
        at = place.randrange(len(content))
        content[at] ^= 1 << place.randrange(8)
        return content

    def blank(content: bytearray) -> bytearray:
        at = place.randrange(0, len(content), 512)
        content[at : at + 512] = bytes(len(content[at : at + 512]))
        return content

    def cut(content: bytearray) -> bytearray:
        return content[: place.randrange(len(content))]

    return {"flip": flip, "block": blank, "cut": cut}


def well_behaved(answer: Answer, what: str) -> None:
    assert not answer.problems(), f"{what} (seed {SEED}): {answer.problems()}"


def tried(base: str) -> list[tuple[str, int]]:
    share = 1 if base == "lm" else 2  # both kinds of run together make the count
    return [
        (kind, n) for kind, count in (("flip", FLIPS), ("block", BLOCKS), ("cut", CUTS)) for n in range(count // share)
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("base", ["run", "lm"])
def test_damaged_checkpoints(world: World, base: str, name: str) -> None:
    """The same bits as without the damage, or a message that names the file and what is lost."""
    print(f"seed {SEED}")
    ask = GO_ON if name == "last.pt" else ["eval", "stranger", "--json"]
    world.receive(base, lambda folder, world: None)
    sound = world.call(*ask)
    assert sound.code == 0, sound.err
    wanted = weights(world.here) if name == "last.pt" else json.loads(sound.out)
    for kind, number in tried(base):
        place = random.Random(f"{SEED} {base} {name} {kind} {number}")
        what = f"{kind} {number} of {base}'s {name}"

        def damage(folder: Path, _: World, kind: str = kind, place: random.Random = place) -> None:
            path = folder / "checkpoints" / name
            path.write_bytes(changes(place)[kind](bytearray(path.read_bytes())))

        world.receive(base, damage)
        answer = world.call(*ask)
        well_behaved(answer, what)
        warned = re.findall("warning: (?!THIS IS NOT|val/.* is no better than the baseline)", answer.err)
        if answer.code == 0 and not warned:
            found = weights(world.here) if name == "last.pt" else json.loads(answer.out)
            assert found == wanted, f"{what} (seed {SEED}): other results, and not a word"
        else:
            assert name in answer.err, f"{what} (seed {SEED}): {answer.err}"
        assert not world.changes()


def test_a_damaged_best_is_found_at_the_start_and_the_run_ends(world: World) -> None:
    for kind, number in [("flip", 3), ("block", 1), ("cut", 2)]:
        place = random.Random(f"{SEED} {kind} {number}")

        def damage(folder: Path, _: World, kind: str = kind, place: random.Random = place) -> None:
            path = folder / "checkpoints" / "best.pt"
            content = bytearray(path.read_bytes())
            path.write_bytes(content[: len(content) // 2] if kind == "cut" else changes(place)[kind](content))

        world.receive("run", damage)
        answer = world.call(*GO_ON)
        well_behaved(answer, f"best.pt {kind}, seed {SEED}")
        assert answer.code == 0, answer.err
        assert world.call("eval", "stranger").code == 0


def test_without_last_pt_nothing_is_begun_anew_in_silence(world: World) -> None:
    def lose(folder: Path, _: World) -> None:
        (folder / "checkpoints" / "last.pt").unlink()

    world.receive("run", lose)
    kept = {name: (world.here / name).read_bytes() for name in ("checkpoints/best.pt", "metrics.jsonl", "config.yaml")}
    answer = world.call(*GO_ON)
    well_behaved(answer, "no last.pt")
    if answer.code == 0:  # from the one before, and said
        assert "last.pt" in answer.err and "previous.pt" in answer.err, answer.err
        return
    assert "dlrun" in answer.err, answer.err
    assert kept == {name: (world.here / name).read_bytes() for name in kept}


def test_a_damaged_last_goes_on_from_an_older_one_and_says_so(world: World) -> None:
    def cut(folder: Path, _: World) -> None:
        path = folder / "checkpoints" / "last.pt"
        path.write_bytes(path.read_bytes()[:-200])

    world.receive("run", cut)
    answer = world.call(*GO_ON)
    assert answer.code == 0, answer.err
    assert "last.pt is damaged" in answer.err, answer.err
    assert "previous.pt" in answer.err or "best.pt" in answer.err, answer.err


BAD_LINES = [b"x\n", b"\n", b"\n\n\n", bytes(512) + b"\n", b"[]\n", b'{"step": 1\n', b"\xff\xfe\n", b'{"step": "a"}\n']


@pytest.mark.parametrize("where", ["start", "middle", "end"])
def test_bad_lines_of_metrics(world: World, where: str) -> None:
    """The good lines stay, wherever the bad one is."""
    for bad in BAD_LINES:

        def damage(folder: Path, _: World, bad: bytes = bad) -> None:
            path = folder / "metrics.jsonl"
            lines = path.read_bytes().splitlines(True)
            lines.insert({"start": 0, "middle": len(lines) // 2, "end": len(lines)}[where], bad)
            path.write_bytes(b"".join(lines))

        world.receive("run", damage)
        before = (world.bases / "run" / "metrics.jsonl").read_bytes().splitlines()
        answer = world.call(*GO_ON)
        well_behaved(answer, f"{bad!r} at the {where}")
        assert answer.code == 0, answer.err
        after = Run(world.here).metrics
        assert after[: len(before)] == [json.loads(line) for line in before], f"{bad!r} at the {where}"


def test_torn_summaries_and_configs(world: World) -> None:
    for name in ("summary.json", "config.yaml"):
        size = len((world.bases / "run" / name).read_bytes())
        for at in range(1, size, 37 if FULL else 211):

            def damage(folder: Path, _: World, name: str = name, at: int = at) -> None:
                (folder / name).write_bytes((folder / name).read_bytes()[:at])

            world.receive("run", damage)
            for ask in (["eval", "stranger"], ["runs", "."], GO_ON):
                well_behaved(world.call(*ask), f"{name} cut at {at}: {ask}")
    assert not world.changes()


def data_files(world: World, folder: str) -> list[Path]:
    found = sorted(path for path in (world.data / folder).rglob("*") if path.is_file() and path.name[0] != ".")
    assert found, f"nothing under {folder}"
    return found


@pytest.mark.parametrize("folder, run", [("prepared", "ngram"), ("stand-in", "ngram"), ("stand-in", "lm")])
def test_damaged_data(world: World, folder: str, run: str) -> None:
    """Prepared tensors and stand-ins are made again, or refused: the results are the same, or there is a message."""
    wanted = world.call("eval", str(world.bases / run), "--json")
    assert wanted.code == 0, wanted.err
    for number in range(20 if FULL else 4):
        place = random.Random(f"{SEED} {folder} {run} {number}")
        name = {"ngram": "ptb", "lm": "jaychou"}[run]
        path = place.choice([path for path in data_files(world, folder) if name in str(path)])
        path.write_bytes(changes(place)["flip"](bytearray(path.read_bytes())))
        answer = world.call("eval", str(world.bases / run), "--json")
        shutil.rmtree(world.data)
        shutil.copytree(world.bases / "data", world.data)
        well_behaved(answer, f"{path.name} {number}, seed {SEED}")
        if answer.code == 0 and "digest" not in answer.err:
            assert json.loads(answer.out) == json.loads(wanted.out), f"{path.name} {number}, seed {SEED}"
    world.furnish(world.bases)
