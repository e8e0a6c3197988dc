"""Pictures of one's own: split by their classes, read alike in training and for an answer, refused in one message."""

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from options import options
from own_files import draw, load_pictures, splits
from PIL import Image
from runs import Cli, Run, alike

from dlrun.config import catalogue
from dlrun.data import images
from dlrun.data.base import Schema
from dlrun.errors import UserError
from dlrun.task.classify_images import ClassifyImages, read_image


def test_a_folder_a_class(flowers: Path) -> None:
    data = load_pictures(flowers)
    assert [len(part) for part in splits(data)] == [32, 4, 4]
    assert data.schema.labels == ("daisy", "rose", "tulip")
    assert data.schema.sizes == {"in_features": 144, "in_channels": 1, "height": 12, "width": 12, "outputs": 3}
    assert set(data.schema.sizes) == catalogue.offers("images", "classify_images")
    assert data.said[0] == "reading flowers: 40 pictures in 3 classes, 12 x 12, grey"
    assert data.said[1] == "classes: daisy 20, rose 12, tulip 8"
    assert data.train.y is not None
    for label, value in enumerate((20, 120, 220)):
        assert value <= data.train.x[data.train.y == label].float().mean() < value + 30
    assert data.test is not None and data.test.y is not None
    assert torch.bincount(data.test.y).tolist() == [2, 1, 1]  # shares of the classes


def test_scales_are_those_of_the_training_part(flowers: Path) -> None:
    data = load_pictures(flowers)
    assert data.schema.x_scale is not None
    scaled = data.schema.x_scale.apply(data.train.x)
    assert abs(scaled.mean().item()) < 1e-4 and abs(scaled.std(correction=0).item() - 1) < 1e-4
    for path in flowers.rglob("*.png"):
        Image.open(path).convert("RGB").save(path)
    coloured = load_pictures(flowers)
    assert coloured.schema.x_scale is not None and coloured.schema.x_scale.mean.shape == (3, 1, 1)
    assert coloured.schema.sizes["in_channels"] == 3


def test_splits_depend_on_the_seed_alone_and_no_picture_is_in_two(flowers: Path) -> None:
    one, same, other = (
        torch.cat([x.flatten(1) for x in splits(load_pictures(flowers, seed=seed))]) for seed in (0, 0, 1)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert len(one.unique(dim=0)) == 40 and torch.equal(one.unique(dim=0), other.unique(dim=0))


def test_the_size_is_told_from_the_pictures(flowers: Path) -> None:
    draw(flowers / "daisy" / "large.jpg", 90, (700, 300), "RGB")
    data = load_pictures(flowers)
    assert data.said[0] == "reading flowers: 41 pictures in 3 classes, 12 x 12 to 700 x 300, RGB -> 16 x 16"
    assert load_pictures(flowers, resize=20).schema.sizes["height"] == 20


def test_an_answer_reads_a_picture_as_training_did(flowers: Path) -> None:
    draw(flowers / "daisy" / "daisy0.png", 90, (31, 17), "RGB")
    data = load_pictures(flowers, fit="pad", val=0.0, test=0.0)
    schema = Schema.from_state_dict(data.schema.state_dict(), "here")
    assert schema.fit == "pad"
    found = read_image(str(flowers / "daisy" / "daisy0.png"), schema)
    assert sum(torch.equal(found[0], x) for x in data.train.x) == 1
    task = ClassifyImages(schema, **options("task/classify_images"))
    (x,), problems = task.read([str(flowers / "daisy" / "daisy0.png"), "nowhere.png"])
    assert x.shape == (1, *data.train.x.shape[1:]) and list(problems) == [1]
    with pytest.raises(UserError, match=r"schema that can be read"):
        Schema.from_state_dict({**data.schema.state_dict(), "fit": "/etc/passwd"}, "here")


# larger than memory


def test_pictures_in_a_mapped_file_are_those_in_memory(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = load_pictures(flowers)
    monkeypatch.setattr(images, "LOADED", 0)
    mapped = load_pictures(flowers)
    assert mapped.train.rows is not None and held.train.rows is None
    assert [torch.equal(a, b) for a, b in zip(splits(held), splits(mapped), strict=True)] == [True] * 3
    batches = []
    for data in (held, mapped):
        task = ClassifyImages(data.schema, **options("task/classify_images"))
        task.attach(data)
        task.to(torch.device("cpu"))
        batches.append(list(task.batches("train", 8, seed=3, epoch=1)))
    for a, b in zip(*batches, strict=True):
        assert torch.equal(a.inputs[0], b.inputs[0]) and torch.equal(a.y, b.y)
    assert mapped.sha256 == held.sha256 and torch.equal(mapped.schema.x_scale.mean, held.schema.x_scale.mean)  # type: ignore[union-attr]


# wrong input


def bomb(path: Path) -> None:
    """A small file that says it has four billion pixels."""
    content = bytearray(draw(path, 10).read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)


WRONG: dict[str, tuple[list[str], Callable[[Path], object], str]] = {  # pictures, one more, what is said
    "an empty folder": ([], Path.exists, "has no pictures, such as PNG"),
    "no folder a class": (["a.png"], Path.exists, "has 1 picture and no folder for each class"),
    "one class": (["cat/1.png", "cat/2.png"], Path.exists, "There is one class, cat"),
    "a class each": (
        [f"{n}/{n}.png" for n in range(30)],
        Path.exists,
        "30 different labels for 30 pictures: those are no",
    ),
    "no picture": (
        ["a/1.png", "b/1.png"],
        lambda path: path.write_text("hello"),
        "x.png can't be read: it is no picture",
    ),
    "a bomb": (["a/1.png", "b/1.png"], bomb, "x.png can't be read: it has more than 100,000,000 pixels"),
    "a broken link": (
        ["a/1.png", "b/1.png"],
        lambda path: path.symlink_to("gone"),
        "it is a link to what is not there",
    ),
    "a pipe": (["a/1.png", "b/1.png"], os.mkfifo, "x.png can't be read: it is not a file"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_is_one_message(tmp_path: Path, root: Path, what: str) -> None:
    names, make, message = WRONG[what]
    (tmp_path / "own").mkdir()
    for name in names:
        draw(tmp_path / "own" / name, 10)
    make(tmp_path / "own" / "b" / "x.png")
    with pytest.raises(UserError) as raised:
        load_pictures(tmp_path / "own")
    assert message in str(raised.value) and "Traceback" not in str(raised.value)
    assert not list(root.rglob("*.pixels"))


# whole runs


@pytest.mark.slow
def test_a_run_from_a_folder_to_answers(
    cli: Cli, flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory-mapped, stopped in the midst of a pass and gone on, it is the run that was never stopped."""
    monkeypatch.setattr(images, "LOADED", 0)
    typed = [
        "data=flowers",
        "model.channels=[8,8]",
        "model.blocks=[1,1]",
        "batch_size=8",
        "device=cpu",
        "optim.lr=0.01",
    ]
    code, _, said = cli(*typed, "trainer.max_steps=20", "folder=whole")
    assert code == 0 and "reading flowers: 40 pictures in 3 classes, 12 x 12, grey" in said
    assert "training smallresnet" in said and "predict whole PICTURE.png" in said
    assert cli(*typed, "trainer.max_steps=6", "folder=parts")[0] == 0
    assert cli("resume", "parts", "trainer.max_steps=20")[0] == 0
    assert alike(Run("whole").weights(), Run("parts").weights())
    code, out, _ = cli("predict", "whole", "flowers/rose/rose3.png", "--json")
    assert code == 0 and json.loads(out)[0]["prediction"] in ("daisy", "rose", "tulip")
    assert cli("eval", "whole")[0] == 0
    draw(flowers / "rose" / "rose3.png", 10)
    code, _, said = cli("eval", "whole")
    assert code == 2 and "flowers is not the file that whole was trained on" in said
    assert cli("eval", "whole", f"data.path={flowers}")[0] == 0


@pytest.mark.slow
def test_a_mistake_leaves_no_folder(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, said = cli("data=images", "data.path=empty")
    assert code == 2 and "has no pictures" in said and "Traceback" not in said
    assert not (tmp_path / "outputs").exists()
