"""A table of one's own: what its columns are told to be, how rows are held out, and what is refused."""

from pathlib import Path

import polars as pl
import pytest
import torch
from own_files import house, table_of
from runs import Cli, Run

from dlrun.data import table
from dlrun.data.base import Data
from dlrun.errors import UserError

OPTIONS = {
    "exclude": [],
    "task": "auto",
    "val": 0.2,
    "test": 0.2,
    "val_path": None,
    "test_path": None,
    "group": None,
    "time": None,
    "seed": 0,
    "encoding": None,
}


def load(path: Path, target: str = "price", **options: object) -> Data:
    return table.load(path=str(path), target=target, **{**OPTIONS, **options})  # type: ignore[arg-type]


def test_each_column_is_told_from_its_values(houses: Path) -> None:
    data = load(houses)
    reading, target = data.said
    assert reading == (
        "reading houses.csv: 200 rows, 1 number, 2 categories (city, zip), 1 date (built), "
        "id left out (all different), country left out (always EU)"
    )
    prices = [float(str(house(number)["price"])) for number in range(200)]
    assert target == f"price: {min(prices):g} to {max(prices):g}, mean {sum(prices) / 200:.5g} -> regress"
    assert data.schema.sizes == {"in_features": 1 + 3 + 5 + 3, "outputs": 1} and data.schema.target == "price"
    assert data.val is not None and data.test is not None
    assert [len(part) for part in (data.train, data.val, data.test)] == [120, 40, 40]
    seen = torch.cat([data.train.y, data.val.y, data.test.y])  # type: ignore[list-item]
    assert sorted(seen.flatten().tolist()) == sorted(house(n)["price"] for n in range(200))  # type: ignore[type-var]
    assert list(data.sha256) == ["houses.csv"]


def test_all_forms_hold_the_same(houses: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(houses, schema_overrides={"zip": pl.String})
    frame.write_parquet(tmp_path / "houses.parquet")
    frame.write_ndjson(tmp_path / "houses.jsonl")
    frame.write_csv(tmp_path / "houses.tsv", separator="\t")
    frame.write_csv(tmp_path / "semicolons.csv", separator=";")
    (tmp_path / "utf16.csv").write_bytes(houses.read_text().encode("utf-16"))
    first = load(houses)
    for name in ("houses.parquet", "houses.jsonl", "houses.tsv", "semicolons.csv", "utf16.csv"):
        other = load(tmp_path / name)
        assert other.train.x.equal(first.train.x) and other.train.y.equal(first.train.y), name  # type: ignore[union-attr, arg-type]
        assert other.schema.columns == first.schema.columns, name
    assert "delimiter ;" in load(tmp_path / "semicolons.csv").said[0]
    assert "encoding utf-16" in load(tmp_path / "utf16.csv").said[0]


def test_what_is_odd_is_told(tmp_path: Path) -> None:
    made = [house(number) for number in range(200)]
    made[3]["area"], made[4]["area"], made[5]["price"] = None, "large", ""
    said = load(table_of(tmp_path / "odd.csv", [*made, made[0]])).said
    assert "2 gaps filled" in said[0] and "200 rows" in said[0]
    assert said[1] == "area: 1 gap where the value is no number, such as 'large' in row 5"
    assert said[2] == "price: 1 row without it left out"


def test_decimal_commas_and_no_header(tmp_path: Path) -> None:
    lines = "\n".join(f"{n % 7},5;{n % 11};{n % 7 * 3},25" for n in range(50))
    path = tmp_path / "plain.csv"
    path.write_text(lines)
    data = load(path, "column_3", task="regress")
    assert "delimiter ;" in data.said[0] and "no header" in data.said[0] and "decimal commas" in data.said[0]
    assert data.train.x[:, 0].frac().eq(0.5).all()


def test_classes_keep_their_shares(tmp_path: Path) -> None:
    made = [{"x": n * n % 17, "y": "yes" if n % 10 else "no"} for n in range(100)]
    made[20]["y"], made[7]["y"] = "No ", "YES"
    data = load(table_of(tmp_path / "c.csv", made), "y", exclude=[])
    assert data.schema.labels == ("no", "yes") and data.schema.targets == "class"
    assert "y: yes 90, no 10 -> classify" in data.said
    assert "y: no and No are one class" in data.said
    assert [int((part.y == 0).sum()) for part in (data.train, data.val, data.test)] == [6, 2, 2]  # type: ignore[union-attr]


def test_a_group_is_in_one_part_and_time_goes_on(tmp_path: Path) -> None:
    made = [
        {"x": n * n % 17, "patient": n % 20, "day": f"2024-01-{n % 28 + 1:02}", "y": n % 13 / 3} for n in range(280)
    ]
    path = table_of(tmp_path / "p.csv", made)
    apart = load(path, "y", group="patient", exclude=["day"])
    groups = [set(part.x[:, 0].tolist()) for part in (apart.train, apart.val, apart.test)]  # type: ignore[union-attr]
    assert all(groups) and [column.name for column in apart.schema.columns or ()] == ["x"]
    later = load(path, "y", time="day", exclude=["patient", "x"])
    days = [part.x[:, 0] for part in (later.train, later.val, later.test)]  # type: ignore[union-attr]
    assert days[0].max() <= days[1].min() and days[1].max() <= days[2].min()
    assert sum(map(len, days)) == 280


def test_groups_do_not_meet(tmp_path: Path) -> None:
    made = [{"x": n % 20, "patient": f"P{n % 20}", "y": n % 13 / 3} for n in range(280)]
    data = load(table_of(tmp_path / "p.csv", made), "y", group="patient")
    train, val, test = (set(part.x[:, 0].tolist()) for part in (data.train, data.val, data.test))  # type: ignore[union-attr]
    assert train and val and test and not (train & val or train & test or val & test)


def test_few_groups_are_answered_with_shares_that_do(tmp_path: Path) -> None:
    path = table_of(tmp_path / "p.csv", [{"x": n * n % 17, "patient": n % 8, "y": n % 13 / 3} for n in range(280)])
    with pytest.raises(UserError, match=r"too few groups, 8, .* Type data.test=0.13 data.val=0.13$"):
        load(path, "y", group="patient", val=0.1, test=0.1)
    data = load(path, "y", group="patient", val=0.13, test=0.13)
    assert [len(part) for part in (data.train, data.val, data.test) if part] == [210, 35, 35]


def test_named_files_are_parts(tmp_path: Path) -> None:
    made = [house(number) for number in range(100)]
    paths = [
        table_of(tmp_path / f"{name}.csv", part)
        for name, part in (("a", made[:70]), ("b", made[70:85]), ("c", made[85:]))
    ]
    data = load(paths[0], val_path=str(paths[1]), test_path=str(paths[2]))
    assert [len(part) for part in (data.train, data.val, data.test)] == [70, 15, 15]  # type: ignore[arg-type]
    assert data.test.y.flatten().tolist() == [row["price"] for row in made[85:]]  # type: ignore[union-attr]
    assert list(data.sha256) == ["a.csv", "b.csv", "c.csv"]


def test_duplicates_across_the_parts_are_told(tmp_path: Path) -> None:
    made = [{"x": n % 4, "y": n % 2} for n in range(40)]
    assert "exact duplicates of rows that are trained on" in load(table_of(tmp_path / "d.csv", made), "y").said[-1]


MISTAKES: dict[str, tuple[str, dict[str, object], str]] = {
    "no target, but a likely one": (
        "zip,price,rooms\n" + "".join(f"{row % 7 + 8000},{row}.5,{row % 3}\n" for row in range(30)),
        {"target": None},
        "Type data.target=COLUMN, such as data.target=price (the likeliest, by its name). t.csv has: zip, price, rooms",
    ),
    "no target": ("a,b\n1,2\n", {"target": None}, "What is to be predicted? Type data.target=COLUMN. t.csv has: a, b"),
    "wrong target": (
        "area,b\n1,2\n",
        {"target": "arae"},
        "data.target=arae: t.csv has no such column. Did you mean area?",
    ),
    "empty": ("", {}, "t.csv is empty."),
    "one class": ("a,b\n1,x\n2,x\n", {}, "b is always x: there is nothing to tell apart."),
    "no value": ("a,b\n1,\n2,\n", {}, "b has no value in any row."),
    "no column": ("a,b\n1,2.5\n1,3.5\n", {}, "There is no column to predict b from: a left out (always 1)."),
    "all classes": (
        "a,b\n" + "\n".join(f"{n % 7},w{n}" for n in range(3000)),
        {},
        "b has 3,000 different values in 3,000 rows: those are no classes. Pick another data.target, such as a",
    ),
    "numbers that are no classes": (
        "a,b\n" + "\n".join(f"{n}.5,{n}" for n in range(30)),
        {"task": "classify"},
        "those are no classes. Pick another data.target; for numbers type task=regress",
    ),
    "no number": ("a,b\n1,x\n2,y\n", {"task": "regress"}, "b is to be a number, and row 1 has 'x'."),
    "not its encoding": ("a,b\n1,é\n2,x\n", {"encoding": "ascii"}, "t.csv is not ascii text at byte 6."),
    "no encoding": ("a,b\n1,2\n", {"encoding": "klingon"}, "data.encoding=klingon: there is no such encoding."),
    "no group": ("a,b\n1,2\n2,3\n", {"group": "c"}, "data.group=c: t.csv has no such column."),
    "both": ("a,b\n1,2.5\n2,3\n", {"group": "a", "time": "a"}, "Type one of them."),
    "no time": ("a,b\nx,2.5\ny,3\nx,4\n", {"time": "a"}, "data.time=a holds no dates or numbers."),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_message(name: str, tmp_path: Path) -> None:
    content, options, message = MISTAKES[name]
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(UserError) as refused:
        load(tmp_path / "t.csv", **{"target": "b", **options})  # type: ignore[arg-type]
    assert message in str(refused.value)


def test_a_folder_and_a_near_name(houses: Path) -> None:
    with pytest.raises(UserError, match="is a folder, and one file is expected"):
        load(houses.parent)
    with pytest.raises(UserError, match="no such file or folder. Did you mean houses.csv"):
        load(houses.with_name("houses.cvs"))


# from the command line


@pytest.mark.slow
def test_from_a_file_to_answers(houses: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain command learns the table; new rows are answered from the checkpoint; another file is refused."""
    code, _, err = cli("data=houses.csv", "data.target=price", "folder=run", "trainer.epochs=40")
    assert code == 0, err
    assert "reading houses.csv: 200 rows" in err and "on houses.csv with adam" in err
    run = Run("run")
    assert run.summary["choices"]["model"] == "mlp" and run.summary["choices"]["task"] == "regress"
    assert run.summary["data"]["source"] == "own" and run.summary["metrics"]["test/r2"] > 0.97
    assert run.config["data"]["path"] == str(houses)
    wanted = [house(number) for number in range(300, 310)]
    new = table_of(
        houses.with_name("new.csv"), [{**row, "area": "big"} if n == 4 else row for n, row in enumerate(wanted)]
    )
    houses.rename(houses.with_name("moved.csv"))
    code, _, err = cli("predict", "run", "new.csv", "--to", "out.csv")
    assert (
        code == 0
        and "warning: new.csv, row 5: area: 'big' is no number." in err
        and "10 answers, 1 with an error" in err
    )
    answers = pl.read_csv("out.csv")
    assert answers.columns == [*wanted[0], "prediction", "error"] and answers["prediction"].null_count() == 1
    errors = (answers["prediction"] - pl.Series([float(str(row["price"])) for row in wanted])).abs().drop_nulls()
    assert errors.max() < 2000  # type: ignore[operator]
    assert cli("predict", "run", "new.csv", "--strict")[0] == 2
    assert "which it reads" not in cli("predict", "run", "new.csv", "--to", "new.csv")[2] and new.exists()

    code, _, err = cli("eval", "run")
    assert code == 2 and "there is no such file" in err
    code, _, err = cli("eval", "run", "data.path=moved.csv")
    assert code == 0, err
    moved = houses.with_name("moved.csv")
    moved.write_text("\n".join(moved.read_text().splitlines()[:150]))
    moved.rename(houses)
    for verb in (["eval", "run"], ["resume", "run", "trainer.epochs=41"], ["rerun", "run"]):
        code, _, err = cli(*verb)
        assert code == 2 and "houses.csv is not the file that run was trained on: its digest differs." in err, verb
    code, _, err = cli("eval", "run", "data.path=houses.csv")
    assert code == 0 and "warning: the data files are not the ones this run was trained on" in err


def test_a_path_picks_reader_task_and_model(houses: Path, cli: Cli) -> None:
    _, out, err = cli("data=houses.csv", "data.target=city", "--cfg", "job")
    assert "_target_: dlrun.data.table.load" in out and "classify.Classify" in out and "mlp.MLP" in out, err
    _, out, _ = cli("data=houses.csv", "data.target=price", "model=linear", "--cfg", "job")
    assert "regress.Regress" in out and "linear.Linear" in out and "units: own" in out
    code, _, err = cli("data=nowhere.csv", "data.target=x")
    assert code == 2 and "data=nowhere.csv: there is no such file or folder. Possible: houses.csv." in err
    assert not Path("outputs").exists()
    code, _, err = cli("data=houses", "data.target=x")
    assert code == 2 and "There is no data houses." in err


@pytest.mark.slow
def test_a_sweep_stays_with_the_file_that_it_began_with(houses: Path, cli: Cli) -> None:
    typed = ("-m", "data=houses.csv", "data.target=price", "trainer.epochs=1", "launcher.workers=1")
    assert cli(*typed, "optim.lr=0.1,0.01", "folder=s")[0] == 0
    assert [path.name for path in sorted(Path("s").glob("*-mlp-houses"))] == ["0-mlp-houses", "1-mlp-houses"]
    houses.write_text(houses.read_text() + houses.read_text().splitlines()[1] + "\n")
    code, _, err = cli("resume", "s", "--extend", "optim.lr=0.5")
    assert code == 2 and "houses.csv is not the file that" in err and "its digest differs" in err
    assert len(Path("s/jobs.jsonl").read_text().splitlines()) == 2 and not Path("s/2-mlp-houses").exists()

    lines = Path("s/jobs.jsonl").read_text().splitlines()  # a stranger's sweep that names a file of ours
    Path("theirs").mkdir()
    Path("theirs/sweep.json").write_text(Path("s/sweep.json").read_text())
    Path("theirs/jobs.jsonl").write_text(lines[0] + "\n")
    code, _, err = cli("resume", "theirs")
    assert code == 2 and f"theirs names {houses}, and none of its runs says which file that was." in err
    code, _, err = cli("resume", "theirs", "--extend", "optim.lr=0.7")
    assert code == 2 and "none of its runs says which file that was." in err
    assert not list(Path("theirs").glob("0-*"))
