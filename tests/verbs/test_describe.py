"""`dlrun describe`: what would be read, told from the data itself, and nothing left behind."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from runs import Cli

from dlrun.config import catalogue


def described(cli: Cli, *words: str) -> dict[str, Any]:
    code, out, err = cli("describe", *words, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def column(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["columns"] if each["name"] == name)


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    """100 rows: an identifier, a category, a date, a number with a gap and an odd value, one that never changes."""
    lines = ["house,town,built,area,unit,price"]
    for row in range(100):
        area = {4: "", 39: "large"}.get(row, str(50 + row))
        lines.append(
            f"H{row:03},{'north' if row % 4 else 'south'},2001-02-{row % 28 + 1:02},{area},m2,{1000 + 7 * row}.5"
        )
    path = tmp_path / "houses.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table(cli: Cli, houses: Path, tmp_path: Path) -> None:
    found = described(cli, "houses.csv", "data.target=price")
    assert (found["data"], found["source"], found["task"], found["target"]) == ("houses.csv", "own", "regress", "price")
    assert {name: part["examples"] for name, part in found["parts"].items()} == {"train": 80, "val": 10, "test": 10}
    assert [each["name"] for each in found["columns"]] == ["house", "town", "built", "area", "unit", "price"]
    area = column(found, "area")
    assert (area["kind"], area["gaps"], area["odd"], area["different"]) == ("number", 1, [[40, "large"]], 99)
    numbers = [50 + row for row in range(100) if row not in (4, 39)]
    assert (area["low"], area["high"]) == (50, 149) and area["mean"] == pytest.approx(sum(numbers) / 98)
    built = column(found, "built")
    assert (built["kind"], built["low"], built["high"], built["different"]) == ("date", "2001-02-01", "2001-02-28", 28)
    assert column(found, "town")["frequent"] == [["north", 75], ["south", 25]]
    assert column(found, "house")["left_out"] == "all different" and column(found, "unit")["left_out"] == "always m2"
    assert found["numbers"] == [{"name": "price", "low": 1000.5, "mean": 1347.0, "high": 1693.5}]
    assert found["examples"][1] == {
        "house": "H020",
        "town": "south",
        "built": "2001-02-21",
        "area": "70",
        "unit": "m2",
        "price": "1140.5",
    }
    assert found["models"]["regress"][0] == "mlp" and "linear" in found["models"]["regress"]
    assert [each.name for each in tmp_path.iterdir()] == ["houses.csv"]


def test_a_table_whose_target_is_a_class(cli: Cli, houses: Path) -> None:
    found = described(cli, "data=houses.csv", "data.target=town")
    assert found["classes"] == [
        {"label": "north", "count": 75, "share": 0.75, "parts": {"train": 60, "val": 8, "test": 7}},
        {"label": "south", "count": 25, "share": 0.25, "parts": {"train": 20, "val": 2, "test": 3}},
    ]


def test_a_table_without_a_target_says_which_columns_would_do(cli: Cli, houses: Path) -> None:
    found = described(cli, "houses.csv")
    assert found["task"] is None and found["parts"] == {"all": {"examples": 100, "tokens": None, "unknown": None}}
    assert found["targets"] == {"town": "classify", "price": "regress"}
    assert column(found, "area")["odd_count"] == 1 and len(found["examples"]) == 5
    assert found["models"].keys() == {"classify", "regress"}
    code, out, err = cli("describe", "houses.csv")
    assert code == 0 and "These columns would do: town (classify); price (regress)" in out
    assert "such as data.target=price (the likeliest, by its name), to see" in err
    assert found["likeliest"] == {"name": "price", "why": "by its name"}


def test_odd_values_stand_by_their_row_of_the_file(cli: Cli, tmp_path: Path) -> None:
    rows = ["x,y", *(f"{row},{row / 3}" for row in range(50)), "7,", "odd,5.5", *(f"{row},1.5" for row in range(50))]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    assert column(described(cli, "a.csv", "data.target=y"), "x")["odd"] == [[52, "odd"]]


def test_columns_that_were_taken_out_say_by_what(cli: Cli, houses: Path) -> None:
    found = described(cli, "houses.csv", "data.target=price", "data.exclude=[area]", "data.group=built")
    assert column(found, "area")["left_out"] == "data.exclude" and column(found, "built")["left_out"] == "data.group"


def test_columns_of_lists_are_left_out_and_said(cli: Cli, tmp_path: Path) -> None:
    rows = range(40)
    values = {"x": [row / 3 for row in rows], "parts": [[row] for row in rows], "y": [row / 7 for row in rows]}
    pl.DataFrame(values).write_parquet(tmp_path / "a.parquet")
    assert described(cli, "a.parquet")["said"] == ["parts left out (no plain values)"]
    assert "parts left out (no plain values)" in described(cli, "a.parquet", "data.target=y")["said"][0]


def test_rows_on_both_sides_of_the_split_are_counted(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n" + "1,2.5\n" * 50 + "3,4.5\n" * 50)
    found = described(cli, "a.csv", "data.target=y")
    assert found["twice"] == {"val": 10, "test": 10}
    assert "trained on as well: 10 of val, 10 of test;" in cli("describe", "a.csv", "data.target=y")[1]


def test_pictures(cli: Cli, tmp_path: Path) -> None:
    for kind in ("daisy", "rose"):
        (tmp_path / "flowers" / kind).mkdir(parents=True)
        for number in range(20):
            pixels = np.random.default_rng(number).integers(0, 256, (8 + number % 2 * 8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "flowers" / kind / f"{number:02}.png")
    found = described(cli, "data=flowers/")
    assert found["pictures"] == {"smallest": [8, 8], "largest": [16, 8]}
    assert found["shape"] == {"in_channels": 3, "height": 8, "width": 8}
    assert found["examples"][0] == {"file": "daisy/00.png", "label": "daisy"}
    assert {each["label"] for each in found["examples"]} == {"daisy", "rose"}
    assert found["models"]["classify_images"][0] == "smallresnet"
    assert sum(found["twice"].values()) > 0  # each picture of one class is in the other as well


def test_a_text(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("aab\n" * 100)
    found = described(cli, "book.txt")
    assert found["tokens"] == [
        {
            "unit": "characters",
            "size": 4,
            "frequent": [["a", 0.5], ["\n", 0.25], ["b", 0.25]],
            "of": "text",
            "lengths": None,
        }
    ]
    assert [part["tokens"] for part in found["parts"].values()] == [360, 20, 20]
    assert found["examples"] == [{"line": "aab"}] * 5
    assert found["models"]["lm"][0] == "lstm" and found["models"]["word2vec"] == ["fasttext", "skipgram"]
    assert "texts" not in cli("describe", "book.txt")[1]


def test_texts_with_labels(cli: Cli, tmp_path: Path) -> None:
    draw = random.Random(0)
    rows = [(" ".join(draw.choices(["red", "green", "blue"], k=1 + row % 20)), "ab"[row % 2]) for row in range(100)]
    (tmp_path / "t.csv").write_text(
        "body,team\n" + "\n".join(f"{text} {at},{label}" for at, (text, label) in enumerate(rows))
    )
    table = described(cli, "data=table", "data.path=t.csv")
    assert (table["texts"], table["targets"]) == (["body"], {"team": "classify"})
    found = described(cli, "data=labelled", "data.path=t.csv")
    assert found["tokens"][0]["lengths"]["longest"] == 21 and 10 <= found["tokens"][0]["lengths"]["median"] <= 13
    assert {token for token, _ in found["tokens"][0]["frequent"][:3]} == {"red", "green", "blue"}
    assert found["parts"]["test"]["unknown"] == 10  # each text's number
    assert found["examples"][0] == {"body": f"{rows[0][0]} 0", "team": "a"}
    assert found["models"]["classify_texts"][0] == "nbsvm"


def test_pairs(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.tsv").write_text("\n".join(f"le mot {at}\tthe word is {at}" for at in range(100)))
    found = described(cli, "data=pairs", "data.path=p.tsv")
    assert [(each["of"], each["lengths"]["median"]) for each in found["tokens"]] == [("source", 3), ("target", 4)]
    assert found["examples"][0] == {"source": "le mot 0", "target": "the word is 0"}
    assert found["twice"] == {"val": 0, "test": 0} and found["models"]["translate"][0] == "seq2seq"


def test_arrays(cli: Cli, tmp_path: Path) -> None:
    x = np.arange(300.0).reshape(100, 3)
    np.savez(tmp_path / "x.npz", x=x, y=np.arange(100) % 2)
    found = described(cli, "x.npz")
    assert [(each["name"], each["low"], each["high"]) for each in found["columns"]] == [
        ("x1", 0, 297),
        ("x2", 1, 298),
        ("x3", 2, 299),
    ]
    assert [each["count"] for each in found["classes"]] == [50, 50]


@pytest.mark.parametrize("name", [name for name in catalogue.choices("data") if not catalogue.home_model(name)])
def test_every_dataset_of_ours(cli: Cli, name: str, tmp_path: Path) -> None:
    words = ["stand_in=always"] if "files" in catalogue.loaded("data", name)["data"] else []
    found = described(cli, name, *words)
    assert found["source"] == ("stand-in" if words else "generated")
    assert next(iter(found["models"].values())) and (found["examples"] or found["inputs"] == "function")
    assert bool(found["classes"]) == (found["inputs"] == "image" or name == "imdb")
    assert bool(found["tokens"]) == (found["inputs"] in ("text", "pair"))
    assert list(tmp_path.iterdir()) == []


def test_for_a_person(cli: Cli, houses: Path) -> None:
    code, out, err = cli("describe", "houses.csv", "data.target=town")
    assert (code, err) == (0, "") and out.startswith("houses.csv, yours")
    for word in ("train 80, val 10, test 10", "50 to 149", "2001-02-01 to 2001-02-28", "'large' in row 40", "75.0%"):
        assert word in out
    assert "always m2" in out and "the target" in out and "H020" not in out.partition("examples")[0]


def test_of_many_columns_the_first_are_shown(cli: Cli, tmp_path: Path) -> None:
    names = [f"c{at}" for at in range(60)]
    rows = [[str(row * 1.5 + at) for at in range(60)] for row in range(30)]
    (tmp_path / "wide.csv").write_text("\n".join(",".join(row) for row in [names, *rows]))
    out = cli("describe", "wide.csv", "data.target=c0")[1]
    assert out.count("and 20 more; --json has all") == 2 and "c39" in out and "c40" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Which data?"),
        (("optim=adam",), "Which data?"),
        (("nope",), "There is no data nope."),
        (("nope.csv",), "there is no such file or folder"),
        (("houses.csv", "data.target=prize"), "Did you mean price?"),
        (("houses.csv", "data.target=price", "--dry-run"), "looks at one dataset"),
        (("houses.csv", "-m"), "looks at one dataset"),
        (("data=imdb,ptb",), "has several values"),
        (("data=table",), "data=table needs a file"),
        (("houses.csv", "data.vall=1"), "Did you mean val?"),
    ],
)
def test_a_mistake_is_one_message(cli: Cli, houses: Path, words: tuple[str, ...], said: str) -> None:
    code, out, err = cli("describe", *words)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1 and "Traceback" not in err
    assert [each.name for each in houses.parent.iterdir()] == ["houses.csv"]
