"""What `import dlrun` offers: light, typed, its examples run; results and mistakes are the command line's.

A test across modules: the package itself, and what of it a program sees.
"""

import doctest
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from runs import Cli

import dlrun
import dlrun.api.actions
import dlrun.api.results

LIGHT = """
import sys
import dlrun
missing = [name for name in dlrun.__all__ if name not in dir(dlrun)]
assert not missing and dlrun.UserError and dlrun.Run and dlrun.train and dlrun.sweep and dlrun.runs() is not None
try:
    dlrun.Run("nowhere")
except dlrun.UserError:
    pass
heavy = {"torch", "hydra", "omegaconf", "rich", "numpy", "pandas", "polars", "IPython"} & set(sys.modules)
sys.exit(", ".join(sorted(heavy)) or 0)
"""
TYPED = """
import dlrun
reveal_type(dlrun.train("model=lstm"))
reveal_type(dlrun.sweep("model=lstm").best.history("val/loss").values)
reveal_type(dlrun.open("last").model)
reveal_type(dlrun.runs(where=["model=lstm"])[0].metrics)
dlrun.train(3)
"""


def test_a_look_around_imports_nothing_heavy(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_names() -> None:
    assert all(getattr(dlrun, name) is not None for name in dlrun.__all__) and set(dlrun.__all__) <= set(dir(dlrun))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = dlrun.trian  # type: ignore[attr-defined]


@pytest.mark.slow
def test_types_are_seen_from_outside(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(TYPED)
    package = Path(dlrun.__file__).parents[1]
    assert (package / "dlrun/py.typed").exists()
    heavy = "".join(f"[mypy-{name}.*]\nfollow_imports = skip\n" for name in ("torch", "numpy", "pandas", "polars"))
    settings = f"[mypy]\nmypy_path = {package}\nignore_missing_imports = true\nfollow_imports = silent\n{heavy}"
    (tmp_path / "mypy.ini").write_text(settings)
    words = [sys.executable, "-m", "mypy", "program.py"]
    said = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300).stdout
    assert 'Revealed type is "dlrun.api.results.Run"' in said
    assert '"builtins.list[builtins.float]"' in said or '"list[float]"' in said
    assert "float | None]" in said or "Union[builtins.float, None]]" in said
    assert "Found 1 error" in said and 'incompatible type "int"; expected "str"' in said


@pytest.mark.slow
@pytest.mark.parametrize("module", [dlrun.api.actions, dlrun.api.results])
def test_examples_run(module: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [test for test in finder.find(module, globs={"dlrun": dlrun}) if test.examples]
    results = [doctest.DocTestRunner().run(test, clear_globs=False) for test in examples]
    assert len(results) >= 3 and sum(each.failed for each in results) == 0


@pytest.mark.slow
def test_it_says_what_the_command_line_says(
    cli: Cli, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ("stand_in=always", "device=cpu", "model.hidden=16", "model.embed=8", "trainer.limit_batches=2")
    run = dlrun.train("model=lstm", *small, "trainer.epochs=2", "folder=outputs/run")
    assert capfd.readouterr().out == ""  # which is the program's own
    assert (
        run.sample("想", length=9, seed=4)
        == cli("sample", "outputs/run", "想", "--length", "9", "--seed", "4")[1].strip()
    )
    [row] = json.loads(cli("runs", "--json")[1])
    assert row["metrics"] == run.metrics and row["status"] == run.status == "completed"
    assert json.loads(cli("eval", "outputs/run", "--json", "--split", "val")[1]).keys() <= run.metrics.keys()
    assert [len(each) for each in run.history("val/loss")] == [2, 2]
    for wrong in (
        [run.sample, ""],
        [run.predict, "so"],
        [run.predict, tmp_path],
        [dlrun.open, "nowhere"],
        [dlrun.Run, tmp_path],
    ):
        with pytest.raises(dlrun.UserError):
            wrong[0](wrong[1])  # type: ignore[operator]
    with pytest.raises(dlrun.UserError, match="Did you mean val/loss"):
        run.history("val/los")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DLRUN_MIRRORS", raising=False)
    with pytest.raises(dlrun.DataError):
        dlrun.train("data=ptb", "stand_in=never", "model=lstm", "device=cpu")
    assert dlrun.open("outputs/run").schema.vocab is not None and not run.model.training
    assert isinstance(run.model, torch.nn.Module)


def test_inputs_of_any_kind_are_answered_in_their_order_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("a,y\n" + "".join(f"{n % 5},{n % 5 * 2}\n" for n in range(60)))
    run = dlrun.train("data=rows.csv", "data.target=y", "model=linear", "device=cpu", "trainer.max_steps=2")
    Path("new.csv").write_text("a\n3\n4\n")
    answers = run.predict({"a": 1}, "2", Path("new.csv"), {"a": 5})
    assert [each.get("a", each.get("input")) for each in answers] == [1, "2", "3", "4", 5]
    for wrong in (["1"], 1, None, b"1"):
        with pytest.raises(dlrun.UserError, match="is no input: a text, a path, or a row as a dict is expected"):
            run.predict("1", wrong)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> dlrun.Run:
    small = ("model=rnn", "stand_in=always", "device=cpu", "model.hidden=8", "model.embed=8", "trainer.max_steps=1")
    return dlrun.train(*small, f"folder={tmp_path_factory.mktemp('a')}/run")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"length": 0}, "length=0: a whole number from 1 to 1,000,000 is expected."),
        ({"temperature": -1.0}, "temperature=-1.0: a number at least 0 is expected."),
        ({"temperature": float("nan")}, "temperature=nan: a number at least 0 is expected."),
        ({"top_k": 0}, "top_k=0: a whole number at least 1 is expected."),
        ({"seed": "x"}, "seed='x': a whole number at least"),
    ],
)
def test_options_of_a_text_are_those_of_the_command_line(
    option: dict[str, object], message: str, writer: dlrun.Run
) -> None:
    with pytest.raises(dlrun.UserError) as caught:
        writer.sample("想", **option)  # type: ignore[arg-type]
    assert message in str(caught.value)
