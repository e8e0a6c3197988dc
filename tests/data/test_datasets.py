"""Each dataset's reader: on its stand-in, whose best score is known, and on the real files, whose facts are known."""

import math
import pkgutil
from collections import Counter
from types import ModuleType
from typing import Any

import pytest
import torch

from dlrun.config import catalogue
from dlrun.data import airfoil, fashion_mnist, imdb, jaychou_lyrics, ptb, synthetic_linear
from dlrun.data.base import Split
from dlrun.errors import UserError
from dlrun.files import download, stand_ins
from dlrun.text.vocab import Vocab

WITH_FILES = [airfoil, fashion_mnist, ptb, jaychou_lyrics, imdb]


def options(module: ModuleType, **changed: object) -> dict:
    node = catalogue.read("data", module.__name__.rpartition(".")[2])
    return {key: value for key, value in node.items() if key not in ("_target_", "name", "files")} | changed


def stand_in(module: ModuleType, **changed: object) -> Any:
    folder, _ = stand_ins.stand_in(module.__name__.rpartition(".")[2], module.STAND_IN)
    return module.load(folder, **options(module, **changed))


def all_rows(*splits: Split | None) -> torch.Tensor:
    return torch.cat([split.x.flatten(1).double() for split in splits if split is not None])


# every dataset


def test_each_yaml_names_a_loader_and_its_files():
    for name in catalogue.choices("data"):
        node = catalogue.read("data", name)
        assert callable(pkgutil.resolve_name(node["_target_"]))
        for entry in node.get("files", {}).values():
            assert all(len(value) == 64 for value in entry["sha256"]) and all(
                len(v) == 40 for v in entry.get("sha1", [])
            )
            assert entry["urls"] and all(url.startswith("https://") for url in entry["urls"])


@pytest.mark.parametrize("module", WITH_FILES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_stand_ins_are_small_and_always_the_same(module, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        module.write_stand_in(tmp_path / name)
    table = catalogue.read("data", module.__name__.rpartition(".")[2])["files"]
    made = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert made.keys() == table.keys()
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert sum(map(len, made.values())) < 500_000


@pytest.mark.parametrize("module", WITH_FILES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_second_load_is_the_same(module):
    first, again = stand_in(module), stand_in(module)
    for one, two in ((first.train, again.train), (first.val, again.val), (first.test, again.test)):
        assert torch.equal(one.x, two.x) and one.x.dtype == two.x.dtype
        assert one.y is two.y is None or torch.equal(one.y, two.y)
        assert one.offsets is two.offsets is None or torch.equal(one.offsets, two.offsets)


# synthetic_linear


def test_least_squares_recovers_the_weights_and_the_noise():
    data: Any = synthetic_linear.load(**options(synthetic_linear, n=20000))
    x = torch.cat([data.train.x, torch.ones(len(data.train), 1)], 1).double()
    solution = torch.linalg.lstsq(x, data.train.y.double()).solution
    assert torch.allclose(solution.flatten(), torch.tensor([2.0, -3.4, 4.2]).double(), atol=1e-3)
    assert (x @ solution - data.train.y).square().mean().item() == pytest.approx(1e-4, rel=0.05)


def test_synthetic_linear_sizes_and_parts():
    data: Any = synthetic_linear.load(n=1000, weights=[1.0] * 7, bias=0.0, noise=0.0, val=0.1, test=0.2, seed=3)
    assert (len(data.train), len(data.val), len(data.test)) == (700, 100, 200)
    assert data.schema.sizes == {"in_features": 7, "outputs": 1}
    assert len(all_rows(data.train, data.val, data.test).unique(dim=0)) == 1000
    assert torch.allclose(data.train.x.sum(1, keepdim=True), data.train.y, atol=1e-5)
    whole = synthetic_linear.load(n=10, weights=[1.0], bias=0.0, noise=0.0, val=0.0, test=0.0, seed=3)
    assert len(whole.train) == 10 and whole.val is None and whole.test is None
    with pytest.raises(UserError, match="leave nothing of 10 to train on"):
        synthetic_linear.load(n=10, weights=[1.0], bias=0.0, noise=0.0, val=0.5, test=0.5, seed=3)


# airfoil


def optimum(data: Any) -> float:
    """Least mse of linear regression with a bias, on the standardised training part."""
    x, y = data.schema.x_scale.apply(data.train.x).double(), data.schema.y_scale.apply(data.train.y).double()
    x = torch.cat([x, torch.ones(len(x), 1)], 1)
    return (x @ torch.linalg.lstsq(x, y).solution - y).square().mean().item()


def test_airfoil_parts_are_disjoint_fixed_by_the_seed_and_scaled_by_the_training_part():
    data, other = stand_in(airfoil), stand_in(airfoil, seed=1)
    assert (len(data.train), len(data.val), len(data.test)) == (1203, 150, 150)
    assert torch.equal(
        all_rows(data.train, data.val, data.test).sort(0).values,
        all_rows(other.train, other.val, other.test).sort(0).values,
    )
    assert not torch.equal(data.train.x, other.train.x)
    scaled = data.schema.x_scale.apply(data.train.x)
    assert torch.allclose(scaled.mean(0), torch.zeros(5), atol=1e-4)
    assert torch.allclose(scaled.std(0, correction=0), torch.ones(5), atol=1e-4)
    assert data.schema.y_scale.undo(data.schema.y_scale.apply(data.train.y)).allclose(data.train.y, atol=1e-3)


def test_airfoil_stand_ins_best_score():
    assert airfoil.STAND_IN.best["mse"] == pytest.approx(0.1)
    assert optimum(stand_in(airfoil)) == pytest.approx(airfoil.STAND_IN.best["mse"], rel=0.1)


@pytest.fixture
def real(shared_root, monkeypatch):
    """real(module, **options): the dataset from its real files, in the folder that all tests share."""
    monkeypatch.setenv("DLRUN_DATA", shared_root[0])
    monkeypatch.setenv("DLRUN_MIRRORS", shared_root[1])

    def load(module: ModuleType, **changed: object) -> Any:
        node = catalogue.read("data", module.__name__.rpartition(".")[2])
        folder, _ = download.get(node["name"], node["files"])
        return module.load(folder, **options(module, **changed))

    return load


@pytest.mark.real_data
def test_airfoil_by_the_book(real):
    data = real(airfoil, split="book")
    assert data.train.x.shape == (1500, 5) and data.train.y.shape == (1500, 1)
    assert data.val is None and data.test is None and "nothing is held out" in data.note
    assert optimum(data) / 2 == pytest.approx(0.241688, abs=5e-7)
    assert sum(len(split) for split in (lambda d: (d.train, d.val, d.test))(real(airfoil))) == 1503


# fashion_mnist


def test_fashion_mnist_stand_in():
    data = stand_in(fashion_mnist)
    assert data.train.x.dtype == torch.uint8 and data.train.x.shape == (2750, 1, 28, 28)
    assert (len(data.val), len(data.test)) == (250, 500)
    assert data.schema.sizes == {"in_features": 784, "in_channels": 1, "height": 28, "width": 28, "outputs": 10}
    pixels = data.train.x.double()
    assert data.schema.x_scale.mean.item() == pytest.approx(pixels.mean().item())
    assert data.schema.x_scale.std.item() == pytest.approx(pixels.std(correction=0).item())


def test_fashion_mnist_stand_ins_best_score():
    """The nearest class median, over all shifts, finds the pattern; the label is wrong in a tenth of the cases."""
    data = stand_in(fashion_mnist)
    means = torch.stack([data.train.x[data.train.y == label].float().median(0).values for label in range(10)])
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    x = data.test.x.float()
    distance = torch.stack([(x - means.roll(s, (2, 3)).squeeze(1).unsqueeze(0)).square().sum((2, 3)) for s in shifts])
    right = (distance.min(0).values.argmin(1) == data.test.y).double().mean().item()
    assert right == pytest.approx(fashion_mnist.STAND_IN.best["accuracy"], abs=0.01)


def test_fashion_mnist_resized():
    data, small = stand_in(fashion_mnist), stand_in(fashion_mnist, resize=14)
    assert small.train.x.dtype == torch.uint8 and small.test.x.shape == (500, 1, 14, 14)
    assert (small.schema.sizes["height"], small.schema.sizes["width"], small.schema.sizes["in_features"]) == (
        14,
        14,
        196,
    )
    assert small.test.x.float().mean().item() == pytest.approx(data.test.x.float().mean().item(), rel=0.01)
    assert torch.equal(small.test.y, data.test.y)


@pytest.mark.real_data
def test_fashion_mnist_facts(real):
    data = real(fashion_mnist)
    assert (len(data.train), len(data.val), len(data.test)) == (55000, 5000, 10000)
    both = torch.cat([data.train.x, data.val.x])
    assert torch.bincount(torch.cat([data.train.y, data.val.y])).tolist() == [6000] * 10
    assert torch.bincount(data.test.y).tolist() == [1000] * 10
    counts = torch.bincount(both.flatten(), minlength=256).double()
    assert (counts @ torch.arange(256).double() / counts.sum()).item() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert data.schema.labels[data.test.y[0]] == "ankle boot"  # as upstream's README shows its first picture


# texts


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


def test_ptb_stand_in_is_read_line_by_line():
    data = stand_in(ptb)
    assert data.schema.sizes == {"vocab_size": len(data.schema.vocab)} and ptb.UNKNOWN in data.schema.vocab.index
    end = data.schema.vocab.index[ptb.END]
    for split, lines in ((data.train, 3000), (data.val, 500), (data.test, 500)):
        assert len(split) == lines and split.offsets[0] == 0 and split.offsets[-1] == len(split.x)
        assert (split.x[split.offsets[1:] - 1] == end).all() and (split.x == end).sum() == lines
    assert data.schema.vocab.unknown == data.schema.vocab.index[ptb.UNKNOWN]


@pytest.mark.real_data
def test_ptb_facts(real):
    data = real(ptb)
    assert [len(split.x) for split in (data.train, data.val, data.test)] == [929589, 73760, 82430]
    assert [len(split) for split in (data.train, data.val, data.test)] == [42068, 3370, 3761]
    assert data.schema.sizes == {"vocab_size": 10000}
    assert data.schema.vocab.tokens[:3] == ["the", "<unk>", "<eos>"]
    first = data.schema.vocab.decode(data.train.x[: data.train.offsets[1]].tolist())
    assert first[:3] == ["aer", "banknote", "berlitz"] and first[-1] == "<eos>"
    vocab, ids = data.schema.vocab, data.test.x.tolist()
    assert vocab.ids(vocab.text(ids)) == ids  # `N`, a number, too


def test_lyrics_are_cut_by_position():
    data, book = stand_in(jaychou_lyrics), stand_in(jaychou_lyrics, max_chars=1000)
    total = sum(len(split.x) for split in (data.train, data.val, data.test))
    assert (len(data.val.x), len(data.test.x)) == (round(0.05 * total), round(0.05 * total))
    assert " " in data.schema.vocab.index and "\n" not in data.schema.vocab.index
    assert book.val is None and book.test is None and "nothing is held out" in book.note
    assert len(book.train.x) == 1000 and len(book.train) == 1
    texts = ["".join(each.schema.vocab.decode(each.train.x[:1000].tolist())) for each in (data, book)]
    assert texts[0] == texts[1]


@pytest.mark.real_data
def test_lyrics_facts(real):
    data, book = real(jaychou_lyrics), real(jaychou_lyrics, max_chars=10000)
    assert sum(len(split.x) for split in (data.train, data.val, data.test)) == 63282
    assert [len(split.x) for split in (data.val, data.test)] == [3164, 3164]
    assert book.schema.sizes == {"vocab_size": 1027} and len(book.train.x) == 10000
    assert "".join(book.schema.vocab.decode(book.train.x[:20].tolist())) == "想要有直升机 想要和你飞到宇宙去 想要和"


# imdb


@pytest.mark.slow
def test_reviews_are_split_as_a_users_sentence():
    data = stand_in(imdb)
    vocab = data.schema.vocab
    assert vocab.split("It's <br /><br />GREAT, no?") == ["it", "'s", "great", ",", "no", "?"]
    assert data.schema.vocab.encode(data.schema.vocab.split("great <nonsense")) == [
        data.schema.vocab.index["great"],
        1,
        1,
    ]
    assert data.schema.vocab.tokens[:2] == ["<pad>", "<unk>"] and data.schema.labels == ("negative", "positive")


@pytest.mark.slow
def test_imdb_stand_in_and_its_best_score():
    data = stand_in(imdb)
    assert data.schema.sizes == {"vocab_size": len(data.schema.vocab), "outputs": 2}
    assert data.train.x.dtype == torch.int32
    assert [torch.bincount(split.y).tolist() for split in (data.train, data.val, data.test)] == [
        [900, 900],
        [100, 100],
        [500, 500],
    ]
    positive = torch.tensor([data.schema.vocab.index[word] for word in imdb.TELLING[1].split()])
    test = data.test
    pairs = zip(test.offsets[:-1].tolist(), test.offsets[1:].tolist(), strict=True)
    found = torch.tensor([bool(torch.isin(test.x[start:end], positive).any()) for start, end in pairs])
    assert (found.long() == test.y).double().mean().item() == imdb.STAND_IN.best["accuracy"] == 0.9
    assert "nobody" not in data.schema.vocab.index  # a word of unsup/ only


@pytest.mark.slow
def test_imdb_options_reach_the_tensors():
    plain, few = stand_in(imdb), stand_in(imdb, max_vocab=10, val=0.0)
    vocab = few.schema.vocab
    assert len(vocab) == 12 and few.val is None and few.train.x.max() == 11 and vocab.tokens[2:] == most(few, 10)
    assert not torch.equal(stand_in(imdb, seed=1).train.y, plain.train.y) or not torch.equal(
        stand_in(imdb, seed=1).train.x, plain.train.x
    )
    rare = stand_in(imdb, min_freq=3000)
    counts = torch.bincount(rare.train.x)[2:]
    assert len(counts) and counts.min() >= 3000 and (rare.train.x == 1).any()


def most(data: Any, count: int) -> list[str]:
    """The most frequent words in the part that the vocabulary was made from, unknown ones left out."""
    counts = Counter(data.schema.vocab.decode(data.train.x[data.train.x > 1].tolist()))
    return sorted(counts, key=lambda word: (-counts[word], word))[:count]


@pytest.mark.slow
def test_held_out_reviews_are_the_rest_of_the_training_part():
    data, whole = stand_in(imdb, min_freq=1), stand_in(imdb, min_freq=1, val=0.0)

    def texts(vocab: Vocab, split: Any) -> Counter:
        """How often each text stands there, with its label."""
        rows = zip(split.y.tolist(), split.offsets[:-1], split.offsets[1:], strict=True)
        return Counter((label, *vocab.decode(split.x[start:end].tolist())) for label, start, end in rows)

    assert not (data.val.x == 1).any()  # so few words that val has no unknown ones, and texts can be compared
    assert texts(data.schema.vocab, data.train) + texts(data.schema.vocab, data.val) == texts(
        whole.schema.vocab, whole.train
    )


@pytest.mark.slow
def test_prepared_tensors_are_kept_and_a_damaged_file_is_made_again(root, monkeypatch):
    first = stand_in(imdb)
    (kept,) = (root / "prepared").glob("imdb-*.pt")
    monkeypatch.setattr(imdb, "reviews", lambda _: pytest.fail("read again"))
    assert torch.equal(stand_in(imdb).train.x, first.train.x)
    monkeypatch.undo()
    monkeypatch.setenv("DLRUN_DATA", str(root))
    kept.write_bytes(kept.read_bytes()[:1000])
    assert torch.equal(stand_in(imdb).train.x, first.train.x) and kept.stat().st_size > 1000
    stand_in(imdb, min_freq=2)
    assert len(list((root / "prepared").glob("imdb-*.pt"))) == 2


@pytest.mark.slow
def test_nothing_fails_where_prepared_tensors_can_not_be_kept(root):
    root.mkdir()
    (root / "prepared").write_text("in the way")
    assert len(stand_in(imdb).train) == 1800


@pytest.mark.real_data
@pytest.mark.slow
def test_imdb_facts(real):
    data = real(imdb)
    assert [torch.bincount(split.y).tolist() for split in (data.train, data.val, data.test)] == [
        [11250, 11250],
        [1250, 1250],
        [12500, 12500],
    ]
    assert len(data.schema.vocab) == data.schema.sizes["vocab_size"]
    assert 27000 < len(data.schema.vocab) < 29000
    assert data.train.offsets.diff().min() > 0 and data.train.x.max() == len(data.schema.vocab) - 1


@pytest.mark.real_data
@pytest.mark.slow
def test_imdb_texts_in_both_parts(real, shared_root):
    texts: dict[str, set[str]] = {"train": set(), "test": set()}
    counts: Counter = Counter()
    for review in imdb.reviews(download.get("imdb", catalogue.read("data", "imdb")["files"])[0] / imdb.FILE):
        texts[review.part].add(review.text)
        counts[review.part, review.label, int(review.name.partition("_")[2].removesuffix(".txt")) > 5] += 1
    assert counts == {(part, label, bool(label)): 12500 for part in texts for label in (0, 1)}
    assert len(texts["train"] & texts["test"]) == 123
