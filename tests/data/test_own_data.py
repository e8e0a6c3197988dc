"""Which reader and task a path picks (config/own_data), asked of files of every kind, before torch is imported."""

import subprocess
import sys
from pathlib import Path

from own_files import CLASSES, IMAGES, NUMBERS, TABLE, saved
from readers import written

from dlrun.config import own_data


def test_a_path_picks_the_reader_that_fits_what_is_in_it(tmp_path: Path) -> None:
    written(tmp_path / "folder/good/1.txt", "text")
    written(tmp_path / "books/1.txt", "text")
    for name, content, wanted in (
        ("a.txt", "any", "text"),
        ("a.csv", "id,text,label\n1,A fine film,good\n", "labelled"),
        ("b.csv", "a,b\n1,2\n", "table"),
        ("a.tsv", "Go.\tVa !\tby: 1\nHi.\tSalut !\tby: 2\n", "pairs"),
        ("b.tsv", "en\tfr\nGo on.\tVas-y.\n", "pairs"),
    ):
        assert own_data.reader_of_file(written(tmp_path / name, content), []) == wanted, name
    assert own_data.reader_of_folder(tmp_path / "folder") == "labelled"
    assert own_data.reader_of_folder(tmp_path / "books") == "text"


def test_the_task_is_told_without_torch(tmp_path: Path) -> None:
    saved(tmp_path / "table.npz", x=TABLE, y=NUMBERS)
    saved(tmp_path / "image.safetensors", x=IMAGES, y=CLASSES)
    code = (
        "import sys; from dlrun.config.own_data import expanded;"
        f"print(expanded(['data={tmp_path}/table.npz']), expanded(['data={tmp_path}/image.safetensors']));"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "'task=regress', 'model=mlp'" in done.stdout and "'task=classify_images', 'model=smallresnet'" in done.stdout
    words = own_data.expanded([f"data={tmp_path}/table.npz", "task=classify"])
    assert "model=mlp" in words and "task=regress" not in words
    typed = [f"data={tmp_path}/image.safetensors", "task=classify_images"]
    assert "model=smallresnet" in own_data.expanded(typed)


def test_a_table_of_pictures_is_told_from_other_tables(flowers: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    for text, typed, reader in (
        ("label;file\nrose;flowers/rose/rose1.png\n", [], "images"),
        ("label,file\nrose,flowers/rose/rose1.png\n", ["data.target=label"], "images"),
        ("label,file\nrose,nowhere.png\n", ["data.target=label"], "table"),
        ("label,width\nrose,3\n", [], "table"),
    ):
        table.write_text(text)
        assert own_data.with_reader(f"data={table}", typed)[0] == f"data={reader}"
    assert own_data.with_reader(f"data={flowers}", [])[0] == "data=images"
