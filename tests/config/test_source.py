"""Where a dataset's files are: of ours conf/ alone says it, of the user's own its YAML does, and is checked."""

from pathlib import Path
from typing import Any

import pytest

from dlrun.config import source
from dlrun.config.source import Source
from dlrun.data import airfoil, synthetic_linear
from dlrun.data.base import Data
from dlrun.errors import UserError

FILES: dict[str, Any] = {"a.csv": {"sha256": ["0" * 64], "urls": ["https://example.org/a.csv"], "bytes": 10}}


def load(folder: Path) -> Data:
    """A dataset of the user's own."""
    raise NotImplementedError


def test_of_ours_a_config_is_not_believed() -> None:
    """Neither the name that it knows it by, nor files or a folder of its own."""
    told = {"name": "../../etc", "files": {"passwd": {}}}
    found = source.find(airfoil.load, told, "ptb")
    assert (found.name, found.ours) == ("airfoil", True)
    assert found.files is not None and set(found.files) == {"airfoil_self_noise.dat"}
    generated = source.find(synthetic_linear.load, told, None)
    assert generated == Source("synthetic_linear", None, ours=True)


def test_of_ours_only_what_reads_a_dataset() -> None:
    with pytest.raises(UserError, match="dlrun.data.airfoil.write_stand_in reads no dataset. dlrun's own: airfoil, "):
        source.find(airfoil.write_stand_in, {}, "airfoil")


def test_of_the_users_own_its_yaml_says_it() -> None:
    assert source.find(load, {"name": "prices", "files": FILES}, "mine") == Source("prices", FILES)
    assert source.find(load, {"files": FILES}, "mine") == Source("mine", FILES)
    assert source.find(load, {"path": "x"}, None) == Source("test_source", None)


@pytest.mark.parametrize("name", ["ptb", "prepared", "stand-in"])
def test_a_folder_of_ours_is_not_given_away(name: str) -> None:
    with pytest.raises(
        UserError, match=f"^data.name={name} is a folder of dlrun's own. Give your dataset another name"
    ):
        source.find(load, {"name": name, "files": FILES}, "mine")


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\nb", "a\x1b", 5, None, "é" * 101])
def test_a_name_is_one_plain_word(name: object) -> None:
    with pytest.raises(UserError, match="^data.name: "):
        source.find(load, {"name": name, "files": FILES}, "mine")
    with pytest.raises(UserError, match="^data.files"):
        source.check({name: FILES["a.csv"]})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"urls": ["https://example.org/a"]}, "a.csv has no digest. Type sha256:"),
        ({"sha256": ["0" * 63]}, r"\$\[\.\.\.\]|of another form"),
        ({"sha256": ["0" * 64], "urls": ["file:///etc/passwd"]}, "of another form"),
        ({"sha256": ["0" * 64], "urls": ["https://a b"]}, "of another form"),
        ({"sha256": ["0" * 64], "urls": ["https://\n"]}, "of another form"),
        ({"sha256": ["0" * 64], "bytes": 0}, "can't be used"),
        ({"sha256": ["0" * 64], "size": 5}, "unknown field `?size"),
        ("a.csv", "can't be used"),
    ],
)
def test_a_files_entry_is_checked(entry: object, said: str) -> None:
    with pytest.raises(UserError, match=f"^data.files.*({said})"):
        source.check({"a.csv": entry})


def test_the_largest_name_that_goes() -> None:
    """200 bytes: temporary names are longer, and a file system takes 255."""
    source.check({"a" * 200: FILES["a.csv"]})
    assert source.misnamed("a" * 201).startswith("'aaa")
