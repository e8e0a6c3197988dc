"""Where `dlrun export` writes, and where it must not: over files of others, through links, into half a folder."""

import os
import resource
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from runs import Cli, Run

from dlrun.cli import exit_code

SHORT = ["device=cpu", "trainer.max_steps=2"]
RUNS = {
    "weights": ["model=linear", *SHORT],
    "vectors": ["model=skipgram", "model.embed=4", "task.min_count=1", "stand_in=always", "batch_size=16", *SHORT],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("runs")

    def run(name: str) -> Path:
        if not (folder / name).exists():
            assert exit_code([*RUNS[name], f"folder={folder / name}"]) == 0
        return folder / name

    return run


def export(cli: Cli, run: Path, *more: str) -> tuple[int, str]:
    code, _, err = cli("export", str(run), *(more if "--to" in more else ("--to", "safetensors", *more)))
    return code, " ".join(err.split())


def test_a_folder_with_such_files_of_somebody_else_stays_as_it_is(made: Callable[[str], Path], cli: Cli) -> None:
    """Its own export is written anew."""
    Path("mine").mkdir()
    Path("mine/config.json").write_text("mine")
    code, err = export(cli, made("weights"), "--output", "mine")
    assert code == 2 and err.endswith(
        "mine has a config.json that is no export's. Name another folder: --output FOLDER"
    )
    Path("mine/schema.json").write_text('{"mine": 1}')
    assert export(cli, made("weights"), "--output", "mine")[0] == 2 and len(os.listdir("mine")) == 2
    assert export(cli, made("weights"), "--output", "out")[0] == 0
    Path("out/config.json").write_text("old")
    assert export(cli, made("weights"), "--output", "out")[0] == 0 and Path("out/config.json").read_text() != "old"


def test_words_beside_vectors_take_no_others_place(made: Callable[[str], Path], cli: Cli) -> None:
    Path("words.txt").write_text("mine")
    code, err = export(cli, made("vectors"), "--to", "npy", "--output", "words.npy")
    assert code == 2 and "words.txt, where the words would go, is there already." in err
    assert Path("words.txt").read_text() == "mine" and os.listdir(".") == ["words.txt"]
    for _ in ("new", "again"):
        assert export(cli, made("vectors"), "--to", "npy", "--output", "vectors.npy")[0] == 0


def test_nothing_is_written_through_a_link_in_the_run(made: Callable[[str], Path], cli: Cli) -> None:
    """A stranger's run may have one in the place where an export goes if none is named."""
    shutil.copytree(made("weights"), "theirs")
    Path("home").mkdir()
    Path("theirs/safetensors").symlink_to(Path("home").resolve())
    code, err = export(cli, Path("theirs"))
    assert code == 2 and "theirs/safetensors is a link, and none is followed here." in err and not os.listdir("home")
    assert export(cli, Path("theirs"), "--output", "theirs/safetensors")[0] == 0  # typed, it is the user's word


MISTAKES = {
    ("broken",): "--output broken: broken is a link to what is not there. Name a folder.",
    ("broken/below",): "--output broken/below: broken is a link to what is not there. Name a folder.",
    ("pipe",): "--output pipe: pipe is no folder. Name a folder.",
    ("x" * 300,): "File name too long. Name a folder.",
    ("new/" + "x" * 300,): "File name too long. Name a folder.",
    ("pipe", "--to", "word2vec"): "pipe can't be written: it is not a file.",
    ("folder", "--to", "word2vec"): "folder can't be written: it is a folder.",
    ("nowhere/words.txt", "--to", "word2vec"): "nowhere/words.txt can't be written: there is no folder nowhere.",
}


@pytest.mark.parametrize("typed", MISTAKES, ids=lambda typed: " ".join(typed)[:40])
def test_places_that_are_none(typed: tuple[str, ...], made: Callable[[str], Path], cli: Cli) -> None:
    os.mkfifo("pipe")
    Path("broken").symlink_to("nowhere")
    Path("folder").mkdir()
    name, *more = typed
    code, err = export(cli, made("vectors" if more else "weights"), "--output", name, *more)
    assert code == 2 and MISTAKES[typed] in err, err
    assert sorted(os.listdir(".")) == ["broken", "folder", "pipe"] and stat.S_ISFIFO(os.stat("pipe").st_mode)


@contextmanager
def full_disk() -> Iterator[None]:
    """Each file ends at 100 bytes; Python hears of it as of a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("to", ["safetensors", "word2vec", "npy"])
def test_a_full_disk_leaves_nothing_new(to: str, made: Callable[[str], Path], cli: Cli) -> None:
    from dlrun.export import folder
    from dlrun.run.answer import Trained
    from dlrun.run.folder import best_checkpoint
    from dlrun.verbs.export import vectors

    trained = Trained.open(*best_checkpoint(str(made("weights" if to == "safetensors" else "vectors"))), [])
    assert cli("list")[0] == 0  # changes to the empty folder
    with full_disk(), pytest.raises(Exception, match="can't be written: File too large"):
        if to == "safetensors":
            folder.write(folder.made(trained, to), Path("a/b/c"))
        else:
            vectors(trained, Path("vectors.npy"), to)
    assert os.listdir(".") == []


def test_an_export_stays_whole_where_the_disk_is_full(made: Callable[[str], Path], cli: Cli) -> None:
    """Also the part of the new one that would have fitted is not taken over."""
    from dlrun.export import folder
    from dlrun.run.answer import Trained
    from dlrun.run.folder import best_checkpoint

    assert export(cli, made("weights"), "--output", "out")[0] == 0
    trained = Trained.open(*best_checkpoint(str(made("weights"))), [])
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    exported = folder.made(trained, "safetensors")
    exported.files[exported.model] = b"small"
    with full_disk(), pytest.raises(Exception, match="out/schema.json can't be written: File too large"):
        folder.write(exported, Path("out"))
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before


def test_weights_that_are_no_numbers(made: Callable[[str], Path], cli: Cli) -> None:
    """They are written as they are; a comparison with them says nothing of the exporter."""
    state = Run(made("weights")).state("best")
    for weight in state["model"].values():
        weight.fill_(float("nan"))
    torch.save(state, "nan.pt")
    assert export(cli, Path("nan.pt"), "--check")[0] == 0
    code, err = export(cli, Path("nan.pt"), "--to", "torch", "--check")
    assert code == 2 and "The model itself answers what is no number (NaN)" in err
