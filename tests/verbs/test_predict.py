"""`dlrun predict`: numbers, the course's sentence, what is drawn of a translation, and what is refused."""

import json
from pathlib import Path

import pytest
from PIL import Image
from runs import Cli, Run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlrun.draw.alignment import CELL

QUICK = ["model=seq2seq", "device=cpu", "batch_size=20", "trainer.epochs=60", "trainer.eval_every_epochs=20"]


@pytest.mark.real_data
def test_they_are_watching(cli: Cli) -> None:
    small = ["model.layers=1", "model.dropout=0", "optim.lr=0.02", "trainer.clip=1"]
    assert cli(*QUICK, *small, "folder=run")[0] == 0
    metrics = Run("run").summary["metrics"]
    assert metrics["train/exact"] == 1 and metrics["train/bleu"] == 1 and metrics["train/loss"] < 0.05
    assert "dlrun predict run 'elle est vieille .'" in Path("run/run.log").read_text()

    code, out, err = cli("predict", "run", "Ils regardent.", "c est mon oncle .", "--attention")
    assert (code, out) == (0, "they are watching .\nhe is my uncle .\n")
    assert "where it looked: run/attention/ils-regardent.png" in err
    with Image.open("run/attention/ils-regardent.png") as picture:
        assert picture.width > 4 * 36 and picture.height > 5 * 36

    code, out, _ = cli("predict", "run", "ils regardent .", "--beam", "3", "--length-penalty", "0", "--json")
    (answer,) = json.loads(out)
    assert code == 0 and answer["input"] == "ils regardent ." and len(answer["translations"]) == 3
    best, second = answer["translations"][:2]
    assert best["text"] == "they are watching ." and 0 > best["score"] > second["score"]
    assert len(best["attention"]) == 5 and len(best["attention"][0]) == len(best["source"]) == 4

    code, _, err = cli("predict", "run", "ils regardent xyz .")
    assert code == 0 and "warning: not in the vocabulary of 47, read as <unk>: xyz" in err
    for wrong, message in (
        ([" "], "error: The sentence is empty. Type one in quotes after the run."),
        (["ils", "--beam", "0"], "error: dlrun predict: argument --beam: 0: it must be from 1 to 1,000."),
        (
            ["ils", "--length-penalty", "-1"],
            "error: dlrun predict: argument --length-penalty: -1: it must be from 0 to 100",
        ),
    ):
        code, _, err = cli("predict", "run", *wrong)
        assert code == 2 and message in err


def test_numbers(plain: Path, cli: Cli) -> None:
    code, out, err = cli("predict", str(plain), "1,1", "-1,.5")
    assert (code, err) == (0, "") and [line.split(":")[0] for line in out.splitlines()] == ["1,1", "-1,.5"]
    assert float(out.split()[-1]) == pytest.approx(-2 - 1.7 + 4.2, abs=0.02)
    code, out, err = cli("predict", str(plain), "1,2,3", "1,1")
    assert code == 2 and "is not 2 numbers. Type them with commas: 0,0" in err
    (answer,) = json.loads(cli("predict", str(plain), "1,1", "--json")[1])
    assert answer == {"input": "1,1", "prediction": pytest.approx(2 - 3.4 + 4.2, abs=0.02)}


def test_no_attention_no_picture(cli: Cli) -> None:
    short = ["stand_in=always", "trainer.limit_batches=2", "trainer.epochs=1", "model.attention=none"]
    assert cli(*QUICK, *short, "folder=run")[0] == 0
    code, _, err = cli("predict", "run", "la kato vidas unu hundo .", "--attention")
    assert code == 2 and "has no attention. Train one that has: dlrun model=seq2seq" in err
    assert not Path("run/attention").exists() and not Path("run/attention.png").exists()
    for option in (["--to", "out.csv"], ["--strict"]):  # not left out in silence
        code, _, err = cli("predict", "run", "la kato", *option)
        assert code == 2 and f"error: {option[0]} is for predictions; run translates." in err


@pytest.mark.slow
@pytest.mark.parametrize("model", ["model=seq2seq", "model=transformer"])
def test_a_run_keeps_where_it_looked(model: str, cli: Cli) -> None:
    """One picture, in the folder and in TensorBoard; a resumed run draws it anew."""
    short = ["stand_in=always", "trainer.limit_batches=2", "trainer.epochs=2", "trainer.eval_every_epochs=1"]
    assert cli(*QUICK, model, *short, "folder=run")[0] == 0
    assert cli("resume", "run", "trainer.epochs=3")[0] == 0
    with Image.open("run/attention.png") as picture:
        size, shades = picture.size, picture.histogram()
    assert sum(shades[:50]) > 20 and shades[255] > 200  # letters on white
    assert size[0] > 4 * CELL and size[1] > 2 * CELL
    events = EventAccumulator("run")
    events.Reload()
    images = events.Images("samples/attention")
    assert [image.step for image in images] == [4, 6]
    assert (images[-1].width, images[-1].height) == size


@pytest.mark.parametrize("option", [["--beam", "2"], ["--length-penalty", "0"], ["--attention"]])
def test_options_of_translation_are_refused_elsewhere(option: list[str], plain: Path, cli: Cli) -> None:
    code, _, err = cli("predict", str(plain), "1,1", *option)
    assert code == 2 and f"error: {option[0]} is for translations; {plain} makes none." in err
