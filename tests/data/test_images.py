"""Pictures of one's own: found, read alike in training and for an answer, prepared once, and refused in one message."""

import json
import os
import random
import shutil
import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from options import options
from PIL import Image
from runs import Cli, Run, alike

from dlrun.config import catalogue, own_data
from dlrun.data import images
from dlrun.data.base import Data, Schema
from dlrun.errors import UserError
from dlrun.pictures import decode, prepare
from dlrun.task.classify_images import ClassifyImages, read_image


def draw(path: Path, value: int, size: tuple[int, int] = (12, 12), mode: str = "L") -> Path:
    """A picture of its own noise around a brightness, in the format of its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(zlib.crc32(str(path.name).encode())).integers(0, 30, (size[1], size[0]))
    Image.fromarray((noise + value).clip(0, 255).astype(np.uint8)).convert(mode).save(path)
    return path


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """Forty pictures in three classes."""
    for label, value, count in (("daisy", 20, 20), ("rose", 120, 12), ("tulip", 220, 8)):
        for number in range(count):
            draw(tmp_path / "flowers" / label / f"{label}{number}.png", value)
    return tmp_path / "flowers"


def load(path: Path, **changed: Any) -> Data:
    return images.load(**options("data/images", path=str(path), **changed))


def splits(data: Data) -> list[torch.Tensor]:
    """The pixels of each part, wherever they lie."""
    return [part.examples(torch.arange(len(part))) for part in (data.train, data.val, data.test) if part]


def test_a_folder_a_class(flowers: Path) -> None:
    data = load(flowers)
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
    data = load(flowers)
    assert data.schema.x_scale is not None
    scaled = data.schema.x_scale.apply(data.train.x)
    assert abs(scaled.mean().item()) < 1e-4 and abs(scaled.std(correction=0).item() - 1) < 1e-4
    for path in flowers.rglob("*.png"):
        Image.open(path).convert("RGB").save(path)
    coloured = load(flowers)
    assert coloured.schema.x_scale is not None and coloured.schema.x_scale.mean.shape == (3, 1, 1)
    assert coloured.schema.sizes["in_channels"] == 3


def test_splits_depend_on_the_seed_alone_and_no_picture_is_in_two(flowers: Path) -> None:
    one, same, other = (torch.cat([x.flatten(1) for x in splits(load(flowers, seed=seed))]) for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert len(one.unique(dim=0)) == 40 and torch.equal(one.unique(dim=0), other.unique(dim=0))


def test_parts_as_folders_or_as_paths(flowers: Path, tmp_path: Path) -> None:
    for part in ("train", "Validation", "test"):
        shutil.copytree(flowers, tmp_path / "parts" / part)
    data = load(tmp_path / "parts")
    assert [len(part) for part in splits(data)] == [40, 40, 40]
    assert data.said[-1].startswith("exact copies of pictures that are trained on: 40 of val and 40 of test;")
    data = load(flowers, val_path=str(tmp_path / "parts" / "Validation"), test=0.0)
    assert [len(part) for part in splits(data)] == [40, 40] and data.test is None


def test_a_table_of_file_and_label(flowers: Path, tmp_path: Path) -> None:
    lines = ["picture,who,label"]
    for number, path in enumerate(sorted(flowers.rglob("*.png"))):
        lines.append(f"flowers/{path.parent.name}/{path.name},person{number // 4},{path.parent.name.title()}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    data = load(tmp_path / "labels.csv", group="who")
    assert data.schema.labels == ("Daisy", "Rose", "Tulip") and data.schema.column == "picture"
    assert sorted(len(part) for part in splits(data)) == [4, 4, 32]
    (tmp_path / "labels.csv").write_text("\n".join(line.replace("label", "kind") for line in lines))
    with pytest.raises(UserError, match=r"Type data.target=COLUMN. labels.csv has: picture, who, kind"):
        load(tmp_path / "labels.csv")
    assert load(tmp_path / "labels.csv", target="kind").schema.labels == ("Daisy", "Rose", "Tulip")
    with pytest.raises(UserError, match="data.file=pictures: labels.csv has no such column. Did you mean picture"):
        load(tmp_path / "labels.csv", file="pictures", target="kind")
    (tmp_path / "labels.csv").write_text("\n".join(lines[1:]))
    with pytest.raises(UserError, match="no header"):
        load(tmp_path / "labels.csv")


def test_a_table_of_pictures_is_told_from_other_tables(flowers: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    for text, typed, reader in (
        ("label;file\nrose;flowers/rose/rose1.png\n", [], "images"),
        ("label,file\nrose,flowers/rose/rose1.png\n", ["data.target=label"], "images"),
        ("label,file\nrose,nowhere.png\n", ["data.target=label"], "table"),
        ("label,width\nrose,3\n", [], "table"),
    ):
        table.write_text(text)
        assert own_data.with_reader(f"data={table}", typed)[0] == f"data={reader}"
    assert own_data.with_reader(f"data={flowers}", [])[0] == "data=images"


# sizes and formats


def test_the_size_is_told_from_the_pictures(flowers: Path) -> None:
    draw(flowers / "daisy" / "large.jpg", 90, (700, 300), "RGB")
    data = load(flowers)
    assert data.said[0] == "reading flowers: 41 pictures in 3 classes, 12 x 12 to 700 x 300, RGB -> 16 x 16"
    assert load(flowers, resize=20).schema.sizes["height"] == 20
    sizes = np.array([[480, 640]] * 5 + [[30, 40]])
    assert prepare.size_of(sizes, None) == (96, 96)
    assert prepare.size_of(np.array([[32, 48], [32, 48]]), None) == (32, 48)
    assert prepare.size_of(np.array([[3, 3], [3, 3]]), None) == (8, 8)
    assert prepare.size_of(np.array([[61, 80], [62, 90]]), None) == (64, 64)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.gif", "a.tif"])
def test_every_format_is_read(tmp_path: Path, name: str) -> None:
    path = draw(tmp_path / name, 100)
    found = decode.pixels(decode.content(path), 1, 12, 12, "crop")
    assert found.shape == (1, 12, 12) and found.dtype == np.uint8 and 100 < found.mean() < 130
    assert decode.look(path).height == 12


def one(image: Image.Image, tmp_path: Path, channels: int = 3, **saved: Any) -> np.ndarray:
    image.save(tmp_path / "one.png", **saved)
    return decode.pixels(decode.content(tmp_path / "one.png"), channels, image.height, image.width, "crop")


def test_transparent_16_bit_palette_cmyk_and_animated(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (4, 4), (200, 0, 0, 0))
    assert (one(clear, tmp_path) == 255).all()
    deep = Image.fromarray(np.full((4, 4), 40_000, np.uint16))
    assert (one(deep, tmp_path, 1) == 40_000 >> 8).all()
    palette = Image.new("RGB", (4, 4), (10, 200, 30)).quantize(4)
    assert one(palette, tmp_path)[:, 0, 0].tolist() == [10, 200, 30]
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "print.jpg")
    red, green, blue = decode.pixels(decode.content(tmp_path / "print.jpg"), 3, 8, 8, "crop").mean((1, 2))
    assert red > 200 and green < 60 and blue < 60
    frames = [Image.new("L", (4, 4), value) for value in (50, 250)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    assert (decode.pixels(decode.content(tmp_path / "moves.gif"), 1, 4, 4, "crop") == 50).all()


def test_a_photograph_is_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    half = np.zeros((8, 16), np.uint8)
    half[:, 8:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    Image.fromarray(half).save(tmp_path / "held.jpg", exif=exif, quality=95)
    assert (decode.look(tmp_path / "held.jpg").height, decode.look(tmp_path / "held.jpg").width) == (16, 8)
    found = decode.pixels(decode.content(tmp_path / "held.jpg"), 1, 16, 8, "crop")[0]
    assert found[:6].max() < 20 and found[10:].min() > 235


def test_crop_stretch_and_pad(tmp_path: Path) -> None:
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 8:16] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    found = {
        fit: decode.pixels(decode.content(tmp_path / "wide.png"), 1, 8, 8, fit)[0]  # type: ignore[arg-type]
        for fit in ("crop", "stretch", "pad")
    }
    assert (found["crop"] == 200).all()
    assert found["stretch"][4, 0] < 30 and found["stretch"][4, 4] > 150
    assert (found["pad"][:2] == 0).all() and found["pad"][4, 4] > 150


def test_an_answer_reads_a_picture_as_training_did(flowers: Path) -> None:
    draw(flowers / "daisy" / "daisy0.png", 90, (31, 17), "RGB")
    data = load(flowers, fit="pad", val=0.0, test=0.0)
    schema = Schema.from_state_dict(data.schema.state_dict(), "here")
    assert schema.fit == "pad"
    found = read_image(str(flowers / "daisy" / "daisy0.png"), schema)
    assert sum(torch.equal(found[0], x) for x in data.train.x) == 1
    task = ClassifyImages(schema, **options("task/classify_images"))
    (x,), problems = task.read([str(flowers / "daisy" / "daisy0.png"), "nowhere.png"])
    assert x.shape == (1, *data.train.x.shape[1:]) and list(problems) == [1]
    with pytest.raises(UserError, match=r"schema that can be read"):
        Schema.from_state_dict({**data.schema.state_dict(), "fit": "/etc/passwd"}, "here")


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_the_example_beside_an_export_reads_pictures_alike(tmp_path: Path, fit: decode.Fit) -> None:
    """It stands alone, so that it has the same again."""
    schema = {"sizes": {"in_channels": 3, "height": 8, "width": 12}, "x_scale": {"mean": 0, "std": 1}, "fit": fit}
    example: dict[str, Any] = {"schema": schema}
    exec(files("dlrun.export").joinpath("templates/image.txt").read_text(), example)
    noise = np.random.default_rng(0).integers(0, 256, (150, 211, 4), np.uint8)
    for name, mode in (("a.jpg", "RGB"), ("b.png", "RGBA"), ("c.png", "LA"), ("d.gif", "P"), ("e.png", "I;16")):
        picture = Image.fromarray(noise[..., 0].astype(np.uint16) * 200) if mode == "I;16" else Image.fromarray(noise)
        (picture if mode == "I;16" else picture.convert(mode)).save(tmp_path / name)
        ours = decode.pixels(decode.content(tmp_path / name), 3, 8, 12, fit)
        assert (example["read"](tmp_path / name)[0][0] == ours).all(), name


# larger than memory


def test_pictures_in_a_mapped_file_are_those_in_memory(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = load(flowers)
    monkeypatch.setattr(images, "LOADED", 0)
    mapped = load(flowers)
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


def test_pictures_are_decoded_once(flowers: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(flowers)
    with monkeypatch.context() as context:
        context.setattr(decode, "content", None)  # nothing is read again
        assert torch.equal(load(flowers).train.x, first.train.x)
    draw(flowers / "daisy" / "daisy0.png", 100)
    second = load(flowers)
    assert second.sha256 != first.sha256
    assert len(list(root.rglob("*.pixels"))) == 1  # the older ones are gone
    kept = next(root.rglob("*.pixels"))
    content = bytearray(kept.read_bytes())
    content[100] ^= 1
    kept.write_bytes(content)  # damaged: made again
    assert torch.equal(load(flowers).train.x, second.train.x)


@pytest.mark.parametrize("what", ["in the way", "full"])
def test_nothing_fails_where_nothing_can_be_kept(
    flowers: Path, root: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(flowers)
    shutil.rmtree(root)
    if what == "in the way":
        root.mkdir()
        (root / "prepared").write_text("in the way")
    else:
        usage = shutil.disk_usage(flowers)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=100))
    assert torch.equal(load(flowers).train.x, before.train.x)
    assert not list(root.rglob("*.pixels"))


def test_a_digest_tells_names_labels_and_contents(flowers: Path) -> None:
    first = load(flowers).sha256
    assert list(first) == ["flowers"] and load(flowers, seed=7, resize=8).sha256 == first
    os.utime(flowers / "daisy" / "daisy1.png")
    assert load(flowers).sha256 == first
    (flowers / "daisy" / "daisy1.png").rename(flowers / "rose" / "daisy1.png")
    assert load(flowers).sha256 != first


# wrong input


def test_a_few_unreadable_pictures_are_left_out_and_told(flowers: Path) -> None:
    (flowers / "rose" / "rose0.png").write_bytes(b"no picture")
    whole = (flowers / "rose" / "rose1.png").read_bytes()
    (flowers / "rose" / "rose1.png").write_bytes(whole[: len(whole) // 2])  # its head can be read
    data = load(flowers)
    assert "2 unreadable pictures left out (rose/rose0.png: it is no picture" in data.said[1]
    assert sum(map(len, splits(data))) == 38
    with pytest.raises(UserError, match="rose0.png can't be read: it is no picture.*strict=true leaves none out"):
        load(flowers, strict=True)
    (flowers / "rose" / "rose2.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"rose0.png can't be read.*At most 5% may be left out"):
        load(flowers)


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
        load(tmp_path / "own")
    assert message in str(raised.value) and "Traceback" not in str(raised.value)
    assert not list(root.rglob("*.pixels"))


def test_a_file_for_a_folder_and_a_folder_for_a_file(flowers: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"daisy0.png is one picture"):
        load(flowers / "daisy" / "daisy0.png")
    with pytest.raises(UserError, match=r"data.path=.*flower: there is no such file or folder. Did you mean flowers"):
        load(tmp_path / "flower")
    with pytest.raises(UserError, match=r"data.target=label names a column of a table, and data.path=.* is a folder"):
        load(flowers, target="label")
    (tmp_path / "labels.csv").write_text("file,label\nno.png,a\nnot.png,b\n")
    with pytest.raises(UserError, match=r"no.png can't be read: there is no such file"):
        load(tmp_path / "labels.csv")
    with pytest.raises(UserError, match="Type data.path=FOLDER"):
        images.load(**options("data/images"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(flowers: Path) -> None:
    (flowers / "rose").chmod(0)
    try:
        with pytest.raises(UserError, match=r"Permission denied"):
            load(flowers)
    finally:
        (flowers / "rose").chmod(0o755)


def test_odd_names_are_labels_too(flowers: Path) -> None:
    (flowers / "rose").rename(os.fsdecode(os.fsencode(flowers) + b"/ro\xffse\n"))
    data = load(flowers)
    assert data.schema.labels is not None and "ro\\udcffse" in data.schema.labels
    torch.save(data.schema.state_dict(), flowers / "schema.pt")
    assert torch.load(flowers / "schema.pt", weights_only=True)["labels"] == data.schema.labels


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.tif"])
def test_any_bytes_are_a_picture_or_unreadable(tmp_path: Path, name: str) -> None:
    content, chance = draw(tmp_path / name, 100).read_bytes(), random.Random(name)
    with decode.quietly():
        for _ in range(100):
            changed = bytearray(content)
            for _ in range(chance.choice((1, 2, 8))):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            with suppress(decode.Unreadable):
                assert decode.pixels(bytes(changed[: chance.randrange(20, 2000)]), 3, 8, 8, "pad").shape == (3, 8, 8)


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
