"""Which arrays of a file are the examples and their targets, told by their names, and which task they ask for."""

from pathlib import Path

import numpy as np
import pytest
from own_files import CLASSES, IMAGES, NUMBERS, TABLE, saved

from dlrun.errors import UserError
from dlrun.tabular.arrays import are_classes, finite, is_one_hot, pairs, told_task


def names(path: Path, x: str | None = None, y: str | None = None) -> dict[int, tuple[str, str]]:
    found = pairs(str(path), None, x, y, "data.path")
    return {part: (pair.x.where.split(": ")[1], pair.y.where.split(": ")[1]) for part, pair in found.items()}


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (("x", "y"), {0: ("x", "y")}),
        (("X", "Target"), {0: ("X", "Target")}),
        (("arr_0", "arr_1"), {0: ("arr_0", "arr_1")}),
        (("data", "target", "frame"), {0: ("data", "target")}),
        (("x_train", "y_train", "x_test", "y_test"), {0: ("x_train", "y_train"), 2: ("x_test", "y_test")}),
        (("train_images", "train_labels", "valid_images", "valid_labels"), {0: (), 1: ()}),
        (("xtrain", "ytrain", "x_test"), {0: ("xtrain", "ytrain")}),  # a part without targets is none
        (("x", "y", "x_train", "y_train"), {0: ("x_train", "y_train")}),
    ],
)
def test_arrays_are_told_by_their_names(tmp_path: Path, there: tuple[str, ...], found: dict) -> None:
    path = saved(tmp_path / "a.npz", **dict.fromkeys(there, CLASSES))
    assert names(path).keys() == found.keys()
    for part, both in found.items():
        assert not both or names(path)[part] == both


def test_typed_names_win(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", x=TABLE, y=CLASSES, z=NUMBERS)
    assert names(path, y="z") == {0: ("x", "z")}
    with pytest.raises(UserError, match=r"has no w. Type data.y=NAME, or data.target_path=FILE. It has: x \(60, 5\)"):
        names(path, y="w")


def test_a_lone_array_is_x_where_targets_have_a_file_of_their_own(tmp_path: Path) -> None:
    examples, targets = saved(tmp_path / "a.npz", any=TABLE), saved(tmp_path / "b.npz", other=CLASSES)
    (pair,) = pairs(str(examples), str(targets), None, None, "data.path").values()
    assert (pair.x.where, pair.y.where) == ("a.npz: any", "b.npz: other")


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array(["a", "b"]), True),
        (np.array([True, False]), True),
        (CLASSES, True),
        (CLASSES.reshape(-1, 1), True),
        (CLASSES.astype(float), True),
        (np.arange(60), False),  # each another
        (NUMBERS, False),
        (np.eye(3)[CLASSES], True),
        (np.eye(3)[CLASSES] * 2, False),
    ],
)
def test_what_names_classes(y: np.ndarray, classes: bool) -> None:
    assert are_classes(y) == classes


def test_one_hot_rows_have_a_single_one() -> None:
    assert is_one_hot(np.eye(3)) and is_one_hot(np.eye(3, dtype=bool))
    assert not is_one_hot(np.ones((2, 2))) and not is_one_hot(np.zeros((2, 2))) and not is_one_hot(np.array([["1"]]))


@pytest.mark.parametrize(
    ("x", "y", "task"),
    [(IMAGES, NUMBERS, "classify_images"), (TABLE, CLASSES, "classify"), (TABLE, NUMBERS, "regress")],
)
def test_the_task_that_arrays_ask_for(tmp_path: Path, x: np.ndarray, y: np.ndarray, task: str) -> None:
    assert told_task(str(saved(tmp_path / "a.npz", x=x, y=y)), None, None, None) == task


def test_the_first_value_that_is_no_number_is_named_by_its_place() -> None:
    values = np.zeros((10_000, 3))
    values[[7000, 9000], 1] = np.nan, np.inf
    with pytest.raises(UserError, match="a.npy holds nan in row 7,001, column 2, and numbers are expected."):
        finite(values, "a.npy")
    assert finite(values[:7000], "a.npy").shape == (7000, 3) and finite(CLASSES, "y") is CLASSES
