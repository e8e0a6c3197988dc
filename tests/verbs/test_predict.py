"""`dlrun predict` of a translating run: the course's sentence, what is drawn, and what is refused."""

import json
from pathlib import Path

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlrun.cli import exit_code
from dlrun.draw.alignment import CELL

QUICK = ["model=seq2seq", "device=cpu", "batch_size=20", "trainer.epochs=60", "trainer.eval_every_epochs=20"]


@pytest.mark.real_data
def test_they_are_watching(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "run")
    small = ["model.layers=1", "model.dropout=0", "optim.lr=0.02", "trainer.clip=1"]
    assert exit_code([*QUICK, *small, f"folder={folder}"]) == 0
    metrics = json.loads((tmp_path / "run/summary.json").read_text())["metrics"]
    assert metrics["train/exact"] == 1 and metrics["train/bleu"] == 1 and metrics["train/loss"] < 0.05
    assert f"dlrun predict {folder} 'elle est vieille .'" in (tmp_path / "run/run.log").read_text()
    capfd.readouterr()

    assert exit_code(["predict", folder, "Ils regardent.", "c est mon oncle .", "--attention"]) == 0
    written = capfd.readouterr()
    assert written.out == "they are watching .\nhe is my uncle .\n"
    assert f"where it looked: {folder}/attention/ils-regardent.png" in written.err
    with Image.open(tmp_path / "run/attention/ils-regardent.png") as picture:
        assert picture.width > 4 * 36 and picture.height > 5 * 36

    assert exit_code(["predict", folder, "ils regardent .", "--beam", "3", "--length-penalty", "0", "--json"]) == 0
    (answer,) = json.loads(capfd.readouterr().out)
    assert answer["input"] == "ils regardent ." and len(answer["translations"]) == 3
    best, second = answer["translations"][:2]
    assert best["text"] == "they are watching ." and 0 > best["score"] > second["score"]
    assert len(best["attention"]) == 5 and len(best["attention"][0]) == len(best["source"]) == 4

    assert exit_code(["predict", folder, "ils regardent xyz ."]) == 0
    assert "warning: not in the vocabulary of 47, read as <unk>: xyz" in capfd.readouterr().err
    for wrong, message in (
        ([" "], "error: The sentence is empty. Type one in quotes after the run."),
        (["ils", "--beam", "0"], "error: dlrun predict: argument --beam: 0: it must be from 1 to 1,000."),
        (
            ["ils", "--length-penalty", "-1"],
            "error: dlrun predict: argument --length-penalty: -1: it must be from 0 to 100",
        ),
    ):
        assert exit_code(["predict", folder, *wrong]) == 2
        assert message in capfd.readouterr().err


def test_no_attention_no_picture(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "run")
    short = ["stand_in=always", "trainer.limit_batches=2", "trainer.epochs=1", "model.attention=none"]
    assert exit_code([*QUICK, *short, f"folder={folder}"]) == 0
    capfd.readouterr()
    assert exit_code(["predict", folder, "la kato vidas unu hundo .", "--attention"]) == 2
    assert "has no attention. Train one that has: dlrun model=seq2seq" in capfd.readouterr().err
    assert not (tmp_path / "run/attention").exists()
    assert not (tmp_path / "run/attention.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["model=seq2seq", "model=transformer"])
def test_a_run_keeps_where_it_looked(model: str, tmp_path: Path) -> None:
    """One picture, in the folder and in TensorBoard; a resumed run draws it anew."""
    folder = str(tmp_path / "run")
    short = ["stand_in=always", "trainer.limit_batches=2", "trainer.epochs=2", "trainer.eval_every_epochs=1"]
    assert exit_code([*QUICK, model, *short, f"folder={folder}"]) == 0
    assert exit_code(["resume", folder, "trainer.epochs=3"]) == 0
    with Image.open(tmp_path / "run/attention.png") as picture:
        size, shades = picture.size, picture.histogram()
    assert sum(shades[:50]) > 20 and shades[255] > 200  # letters on white
    assert size[0] > 4 * CELL and size[1] > 2 * CELL
    events = EventAccumulator(folder)
    events.Reload()
    images = events.Images("samples/attention")
    assert [image.step for image in images] == [4, 6]
    assert (images[-1].width, images[-1].height) == size


@pytest.mark.slow
@pytest.mark.parametrize("option", [["--beam", "2"], ["--length-penalty", "0"], ["--attention"]])
def test_options_of_translation_are_refused_elsewhere(
    option: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "run")
    assert exit_code(["trainer.epochs=1", f"folder={folder}"]) == 0
    assert exit_code(["predict", folder, "1,1", *option]) == 2
    assert f"error: {option[0]} is for translations; {folder} makes none." in capfd.readouterr().err
