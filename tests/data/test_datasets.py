"""All datasets alike, and so no single module's: what their YAML names, and what their stand-ins are."""

import math
import pkgutil

import pytest
import torch
from readers import name_of, stand_in

from dlrun.config import catalogue
from dlrun.data import airfoil, fashion_mnist, fr_en, fra_eng, imdb, jaychou_lyrics, ptb

WITH_FILES = [airfoil, fashion_mnist, ptb, jaychou_lyrics, imdb, fr_en, fra_eng]
pytestmark = pytest.mark.usefixtures("shared")


def test_each_yaml_names_a_loader_and_its_files():
    for name in catalogue.choices("data"):
        node = catalogue.read("data", name)
        assert callable(pkgutil.resolve_name(node["_target_"]))
        for entry in node.get("files", {}).values():
            assert all(len(value) == 64 for value in entry["sha256"]) and all(
                len(v) == 40 for v in entry.get("sha1", [])
            )
            assert entry["urls"] and all(url.startswith("https://") for url in entry["urls"])


@pytest.mark.parametrize("module", WITH_FILES, ids=name_of)
def test_stand_ins_are_small_and_always_the_same(module, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        module.write_stand_in(tmp_path / name)
    table = catalogue.read("data", name_of(module))["files"]
    made = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert made.keys() == table.keys()
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert sum(map(len, made.values())) < 500_000


@pytest.mark.parametrize("module", WITH_FILES, ids=name_of)
def test_a_second_load_is_the_same(module):
    first, again = stand_in(module), stand_in(module)
    for one, two in ((first.train, again.train), (first.val, again.val), (first.test, again.test)):
        if one is two is None:
            continue
        assert torch.equal(one.x, two.x) and one.x.dtype == two.x.dtype
        assert one.y is two.y is None or torch.equal(one.y, two.y)
        assert one.offsets is two.offsets is None or torch.equal(one.offsets, two.offsets)


def bigram_perplexity(train: torch.Tensor, test: torch.Tensor, vocab_size: int) -> float:
    """Counted on the training part, with a little smoothing: what a model can learn of a chain."""
    counts = torch.full((vocab_size, vocab_size), 0.01, dtype=torch.float64)
    counts.index_put_((train[:-1], train[1:]), torch.ones(len(train) - 1).double(), accumulate=True)
    chances = counts / counts.sum(1, keepdim=True)
    return math.exp(-chances[test[:-1], test[1:]].log().mean().item())


@pytest.mark.parametrize("module", [ptb, jaychou_lyrics])
def test_text_stand_ins_best_score(module):
    data = stand_in(module)
    found = bigram_perplexity(data.train.x, torch.cat([data.val.x, data.test.x]), data.schema.sizes["vocab_size"])
    assert found == pytest.approx(module.STAND_IN.best["perplexity"], rel=0.05)
