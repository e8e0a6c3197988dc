"""Classification of images: as they are scaled, changed while training alone, and answers to a picture's file."""

from pathlib import Path
from typing import Any

import pytest
import torch
from classified import Fixed, classify, image_data
from options import options, ready
from PIL import Image
from torch import Tensor, nn

from dlrun.data.base import Data, Scale, Schema, Split
from dlrun.errors import UserError
from dlrun.nn.augment import moved
from dlrun.task.classify import Classify
from dlrun.task.classify_images import ClassifyImages, read_image

BLACK = torch.tensor(-2.0)
ALL: dict[str, Any] = {"random_shift": 2, "random_flip": True, "random_erase": 3}


def test_images_are_scaled_when_a_batch_is_made() -> None:
    task = classify(image_data())
    batches = list(task.batches("val", 4, seed=0, epoch=0))
    assert [len(batch.y) for batch in batches] == [4, 4, 2]
    raw = task.splits["val"].x[4:8]
    assert batches[1].inputs[0].equal((raw.float() - 100) / 50)
    assert batches[1].y.tolist() == [1, 2, 0, 1]
    assert task.splits["val"].x.dtype == torch.uint8


def test_without_a_scale_pixels_are_shares_of_white() -> None:
    data = image_data()
    plain = Data(data.train, None, None, Schema(data.schema.sizes, "image", "class"))
    (x,) = next(iter(classify(plain).batches("train", 99, seed=0, epoch=0))).inputs
    assert x.shape == (10, 1, 4, 5)  # one batch of what there is
    assert x.dtype == torch.float32 and 0.9 < x.max() <= 1


def test_predict_an_image(tmp_path: Path) -> None:
    task = classify(image_data())
    pixels = torch.arange(20, dtype=torch.uint8).view(4, 5) * 10
    Image.fromarray(pixels.numpy()).save(tmp_path / "grey.png")
    ((x,), _) = task.read([str(tmp_path / "grey.png")])
    assert x.equal((pixels.float().view(1, 1, 4, 5) - 100) / 50)
    Image.new("RGB", (50, 30), (255, 255, 255)).save(tmp_path / "large.jpg")
    ((x,), _) = task.read([str(tmp_path / "large.jpg")])
    assert x.shape == (1, 1, 4, 5) and x.eq((255 - 100) / 50).all()
    (answer,) = task.predict(Fixed([0.0, 2.0, 1.0]), [str(tmp_path / "grey.png")])
    assert not isinstance(answer, UserError) and [label for label, _ in answer] == ["bag", "coat", "shirt"]


def test_predict_refuses_what_is_no_image(tmp_path: Path) -> None:
    task = classify(image_data())
    (tmp_path / "text.png").write_text("hello")
    (x,), problems = task.read(["nowhere.png", str(tmp_path / "text.png"), str(tmp_path)])
    assert len(x) == 0 and "There is no file nowhere.png" in problems[0]
    assert "text.png is no image that can be read" in problems[1] and "is no image that can be read" in problems[2]


# changed while training, seen from several sides while evaluating


def pictures(**changed: Any) -> ClassifyImages:
    draw = torch.Generator().manual_seed(0)
    split = Split(torch.randint(1, 256, (40, 2, 8, 9), dtype=torch.uint8, generator=draw), torch.arange(40) % 3)
    sizes = {"in_channels": 2, "height": 8, "width": 9, "in_features": 144, "outputs": 3}
    data = Data(
        split, split, None, Schema(sizes, "image", "class", x_scale=Scale(torch.tensor(100.0), torch.tensor(50.0)))
    )
    return ready(ClassifyImages, data, **options("task/classify_images", **changed))


class Seen(nn.Module):
    """Remembers what it is shown."""

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        return x.flatten(1)[:, :3]


def shown(task: Classify, *, seed: int = 5, epoch: int = 1, start: int = 0) -> list[tuple[Tensor, Tensor]]:
    """What a model sees in a pass of training, with the classes."""
    model, found = Seen().train(), []
    for batch in task.batches("train", 8, seed=seed, epoch=epoch, start=start):
        task.step(model, batch)
        found.append((model.x, batch.y))
    return found


def same(a: list[tuple[Tensor, Tensor]], b: list[tuple[Tensor, Tensor]]) -> bool:
    return len(a) == len(b) and all(x.equal(u) and y.equal(v) for (x, y), (u, v) in zip(a, b, strict=True))


@pytest.mark.parametrize("options", [{"random_shift": 2}, {"random_flip": True}, {"random_erase": 3}, ALL], ids=str)
def test_the_place_alone_decides(options: dict) -> None:
    """The same seed, epoch and number: the same images, wherever a pass begins and whatever was drawn before."""
    whole = shown(pictures(**options))
    torch.rand(99)
    assert same(whole, shown(pictures(**options)))
    assert same(whole[2:], shown(pictures(**options), start=2))
    assert not same(whole, shown(pictures()))


def test_batches_epochs_and_seeds_differ() -> None:
    """Not only in their images: the same image is changed in another way."""
    task = pictures(random_shift=2)
    (batch,) = list(task.batches("train", 40, seed=0, epoch=0))
    changed = [task.augmented(batch._replace(place=place))[0] for place in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0))]
    for i, one in enumerate(changed):
        assert not any(one.equal(other) for other in changed[:i])


def test_labels_and_order_stay() -> None:
    plain, changed = shown(pictures()), shown(pictures(**ALL))
    assert all(a.equal(b) for (_, a), (_, b) in zip(plain, changed, strict=True))
    x, y = (torch.cat([pair[i] for pair in shown(pictures(random_flip=True))]) for i in (0, 1))
    original = pictures()
    for image, label in zip(x, y, strict=True):  # each is one of the data's own or its mirror image, with its class
        raw = original.splits["train"].x
        places = [i for i, each in enumerate(original.scaled(raw)) if each.equal(image) or each.flip(2).equal(image)]
        assert [i % 3 for i in places] == [label]


def test_how_often_and_how_far() -> None:
    task = pictures(random_shift=2, random_flip=True)
    (batch,) = list(task.batches("train", 40, seed=0, epoch=0))
    found, mirrored, runs = set(), 0, 30
    for number in range(runs):
        (x,) = task.augmented(batch._replace(place=(0, 0, number)))
        for before, after in zip(batch.inputs[0][:4], x[:4], strict=True):
            black = after == -2.0  # raw values begin at 1, so that black came in from the side
            rows, columns = black[0].all(1).nonzero().flatten(), black[0].all(0).nonzero().flatten()
            found.add((len(rows) * (-1 if 0 in rows else 1), len(columns) * (-1 if 0 in columns else 1)))
            mirrored += not any(
                moved(before[None], torch.tensor([[down, right]]), torch.tensor([False]), BLACK)[0].equal(after)
                for down in range(-2, 3)
                for right in range(-2, 3)
            )
    assert found == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}
    assert 0.35 < mirrored / (4 * runs) < 0.65


def test_evaluation_sees_the_images_as_they_are() -> None:
    """On the training part too."""
    task, model = pictures(**ALL), Seen().eval()
    for split in ("train", "val"):
        for batch in task.batches(split, 8, seed=0, epoch=0):
            task.step(model, batch)
            assert model.x.equal(batch.inputs[0])


def test_test_flip_is_the_mean_over_a_picture_and_its_mirror_while_evaluating_alone() -> None:
    task, model = pictures(tta_flip=True), Seen()
    batch = next(iter(task.batches("val", 8, seed=0, epoch=0)))
    (x,) = batch.inputs
    assert task.logits(model, (x,)).allclose((x[:, 0, 0, :3] + x.flip(3)[:, 0, 0, :3]) / 2)
    with_it, without = (each.step(model.eval(), batch).loss for each in (task, pictures()))
    assert with_it != without
    assert task.step(model.train(), batch).loss == without


@pytest.mark.parametrize("flip", [False, True])
def test_test_shift_is_the_mean_over_every_place_nearby(flip: bool) -> None:
    task, model = pictures(tta_shift=1, tta_flip=flip), Seen()
    (x,) = next(iter(task.batches("val", 8, seed=0, epoch=0))).inputs
    sides = (x, x.flip(3)) if flip else (x,)
    framed = [nn.functional.pad(each, (1, 1, 1, 1), value=float(BLACK)) for each in sides]
    # one pixel down and to the right shows the frame first, so the window starts one pixel earlier, and so on
    windows = [each[:, :, i : i + 8, j : j + 9] for each in framed for i in range(3) for j in range(3)]
    torch.testing.assert_close(task.logits(model, (x,)), torch.stack([model(window) for window in windows]).mean(0))
    assert pictures(tta_flip=flip).logits(model, (x,)).ne(task.logits(model, (x,))).any()


def test_only_images_can_be_changed() -> None:
    with pytest.raises(UserError, match="task=classify_images is not for tables. Type task=classify."):
        ClassifyImages(Schema({"in_features": 2, "outputs": 2}, "table", "class"), **options("task/classify_images"))


@pytest.mark.parametrize("option", ["random_shift", "tta_shift"])
def test_an_image_stays_in_sight(option: str) -> None:
    pictures(**{option: 7})
    with pytest.raises(UserError, match=f"^task.{option}=8 moves an image of 8 pixels out of sight"):
        pictures(**{option: 8})


def test_a_file_is_no_picture_of_two_channels(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="trained on images of 2 channels, and a picture's file has 1 or 3"):
        read_image(str(tmp_path / "a.png"), pictures().schema)


def test_pictures_of_a_file_are_asked_for_ahead() -> None:
    """The bytes that each batch is made of, before it is made."""
    asked: list[list[int]] = []
    pixels = torch.arange(50, dtype=torch.uint8).reshape(50, 1, 1, 1).expand(50, 2, 3, 3).contiguous()
    rows = torch.randperm(40) + 5
    part = Split(
        pixels, torch.arange(40) % 3, rows=rows, read_ahead=lambda begins, count: asked.append([*begins, count])
    )
    sizes = {"in_channels": 2, "height": 3, "width": 3, "in_features": 18, "outputs": 3}
    task = ready(
        ClassifyImages, Data(part, None, None, Schema(sizes, "image", "class")), **options("task/classify_images")
    )
    used = [
        [*(round(255 * shade) * 18 for shade in batch.inputs[0][:, 0, 0, 0].tolist()), 18]
        for batch in task.batches("train", 16, seed=1, epoch=1)
    ]
    assert len(used) == 3 and asked == used
