"""The Python file beside an exported model: it reads rows as the run does, and has no line twice."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from export.asked import alone, opened
from runs import Cli

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
