"""The Python file beside an exported model: it reads rows as the run does, and has no line twice."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from export.asked import alone, asked_alone, opened
from PIL import Image
from runs import Cli, Run

from dlrun.export import example
from dlrun.tabular.columns import encoded
from dlrun.text import normalizers
from dlrun.text.vocab import Vocab


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with a date, a category and a number."""
    draw = np.random.default_rng(0)
    lines = ["when,clinic,size,label"]
    for number in range(120):
        size = draw.normal() + (number % 3)
        when = f"2024-0{1 + number % 9}-1{number % 7}"
        lines.append(f"{when},{'abc'[number % 3]},{size:.3f},{'yes' if size > 1 else 'no'}")
    path = tmp_path_factory.mktemp("own") / "own.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.slow
def test_rows_of_a_users_own_table(own: Path, cli: Cli) -> None:
    """Categories, dates, gaps and columns in another order are read by the example as by the run."""
    typed = [f"data={own}", "data.target=label", "device=cpu", "trainer.epochs=3", "folder=run"]
    assert cli(*typed)[0] == 0
    Path("rows.csv").write_text("size,clinic,when\n0.5,b,2024-03-11\n,a,\n2.5,new,2024-09-12\n")
    trained = opened(Path("run"))
    columns = trained.task.schema.columns
    assert columns is not None
    x, _ = encoded(pl.read_csv("rows.csv", infer_schema_length=0), columns)
    with torch.no_grad():
        p = trained.model(trained.task.scaled(torch.from_numpy(x))).softmax(1)  # type: ignore[attr-defined]
    for to in ("torch", "onnx"):
        code, out, err = cli("export", "run", "--to", to, "--check", "--output", to, "--json")
        assert code == 0 and json.loads(out)["check"]["on"] == "test", err
        told = [line.split("\t")[1:] for line in alone(Path(to), str(Path("rows.csv").resolve())).splitlines()]
        for row, answers in zip(p.tolist(), told, strict=True):
            found = dict(answer.rsplit(" ", 1) for answer in answers)
            wanted = dict(zip(trained.task.schema.labels or (), row, strict=True))
            assert {label: float(each) for label, each in found.items()} == pytest.approx(wanted, abs=2e-6)


WRONG = {  # what is typed -> what the example says
    ("run", ""): "model.pt2, asked without dlrun: python example.py ROWS.csv",
    ("run", "/gone.csv"): "/gone.csv: [Errno 2] No such file or directory: '/gone.csv'",
    ("run", "lacking.csv"): "there is no column clinic",
    ("run", "odd.csv"): "column size: 'big' is no number",
    ("run", "late.csv"): "column when: 'soon' is no date",
    ("run", "none.csv"): "there is no row",
    ("regression", "1,2"): "1,2: 5 numbers are expected, with commas between them",
    ("regression", "1,2,x,4,5"): "1,2,x,4,5: could not convert string to float: 'x'",
    ("lstm", "\u00df"): "\u00df: '\u00df' is not in the vocabulary",
}


@pytest.mark.slow
def test_a_mistake_is_answered_in_a_line(own: Path, made: Callable[[str], Path], cli: Cli) -> None:
    assert (
        cli(f"data={own}", "data.target=label", "model=linear", "device=cpu", "trainer.max_steps=2", "folder=run")[0]
        == 0
    )
    for name in ("run", "regression", "lstm"):
        run = "run" if name == "run" else str(made(name))
        assert cli("export", run, "--to", "torch", "--output", f"of-{name}")[0] == 0
    Path("lacking.csv").write_text("when,size\n2024-03-11,1\n")
    Path("odd.csv").write_text("when,clinic,size\n2024-03-11,a,big\n")
    Path("late.csv").write_text("when,clinic,size\nsoon,a,1\n")
    Path("none.csv").write_text("when,clinic,size\n")
    for (name, typed), said in WRONG.items():
        words = [str(Path(typed).resolve()) if typed.endswith(".csv") else typed] if typed else []
        done = asked_alone(Path(f"of-{name}"), *words)
        first, *rest = done.stderr.decode().splitlines()
        assert done.returncode == 1 and first.endswith(said) and (not rest or not typed), done.stderr.decode()


def test_no_label_runs_as_code(made: Callable[[str], Path], cli: Cli) -> None:
    """A stranger's words are in schema.json alone; the Python file holds dlrun's own."""
    evil = ['"""\nimport os; os.mkdir("made")\n"""', "'); import os #", "{what}", "\x1b[2J\x1b]0;x\x07", "../../x"]
    state = Run(made("images")).state("best")
    assert cli("export", str(made("images")), "--to", "torch", "--output", "plain")[0] == 0
    state["schema"]["labels"] = [*evil, *map(str, range(10 - len(evil)))]
    state["config"] |= {"data": {evil[0]: evil}, "choices": {"model": evil[0], "data": evil[1]}}
    torch.save(state, "hostile.pt")
    code, _, err = cli("export", "hostile.pt", "--to", "torch", "--output", "out")
    assert code == 0, err
    assert Path("out/example.py").read_text() == Path("plain/example.py").read_text()
    assert json.loads(Path("out/schema.json").read_text())["labels"][: len(evil)] == evil
    Image.fromarray(np.zeros((28, 28), dtype=np.uint8)).save("picture.png")
    told = alone(Path("out"), str(Path("picture.png").resolve()))
    assert not any(each in told for each in "\x1b\x07") and not Path("made").exists()


def test_imports_stand_once_and_first() -> None:
    head, rest = example.hoisted(
        ["import json\nimport numpy as np\n\nA = 1", "from pathlib import Path\nimport json\nB"]
    )
    assert head == "import json\nfrom pathlib import Path\n\nimport numpy as np" and rest == ["A = 1", "B"]


@pytest.mark.parametrize("name", normalizers.NORMALIZERS)
def test_a_text_is_normalized_as_in_the_run(name: str) -> None:
    """By a copy of dlrun's own source, which has to stand alone."""
    vocab = Vocab(["a"], tokenization="word", normalizer=name)
    scope: dict[str, Callable[[str], str]] = {}
    exec(example.normalizer(vocab), scope)
    for text in ("Don't  STOP, naïve\u202f!", "L'été<br />est là…", "", " a\tb "):
        assert scope["normalize"](text) == normalizers.NORMALIZERS[name](text)


@pytest.mark.parametrize("name", ["regression", "images", "texts", "translation", "bpe", "tied"])
@pytest.mark.parametrize("to", ["torch", "onnx", "safetensors"])
def test_it_is_python_and_says_what_to_type(name: str, to: str, made: Callable[[str], Path]) -> None:
    text = example.python(opened(made(name)).task, to)
    compile(text, "example.py", "exec")
    first = text.splitlines()[0]
    assert first.startswith(f'"""{example.MODELS[to]}, asked without dlrun: python example.py')
    typed = {"regression": "1,2,…", "images": "IMAGE…", "texts": "TEXT…", "translation": "SENTENCE…"}
    assert to == "safetensors" or first.endswith(typed.get(name, "PROMPT…"))
    assert ("tokenizers" in text.partition("Needs: ")[2].splitlines()[0]) == (name == "bpe" and to != "safetensors")
