"""`dlrun list`: what can be chosen, and which model fits which data."""

import json
import subprocess
import sys
from pathlib import Path

from runs import Cli

from dlrun.config import catalogue
from dlrun.verbs.list import fits, fitting


def test_fits() -> None:
    found = fitting()
    images = {"lenet", "alexnet", "vgg", "nin", "googlenet", "resnet", "smallresnet", "densenet"}
    tables = {"linear", "mlp", "scratch_linear", "scratch_mlp"}
    recurrent = {"rnn", "gru", "lstm", "scratch_rnn", "scratch_gru", "scratch_lstm"}
    assert set(found["fashion_mnist"]) == tables | images | {"scratch_softmax"}
    assert set(found["airfoil"]) == set(found["synthetic_linear"]) == tables
    writers = {"ngram", "nnlm", "transformer_lm", "awd_lstm"}
    words = {"skipgram", "cbow", "fasttext", "glove"}
    assert set(found["ptb"]) == recurrent | words | writers
    assert found["quadratic"] == ["point"]
    assert set(found["fr_en"]) == set(found["fra_eng"]) == {"seq2seq", "transformer"}
    texts = {"textcnn", "bag", "nbsvm", "transformer_classifier"}
    assert set(found["imdb"]) == recurrent | words | texts | writers


def test_a_model_may_bring_a_task_of_its_own() -> None:
    """Word vectors are not what a dataset asks for by itself."""
    assert fits("skipgram", "imdb") and fits("lstm", "imdb") and not fits("skipgram", "fashion_mnist")


def test_json_has_what_the_tables_show(cli: Cli) -> None:
    code, out, err = cli("list", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "") and found["choices"]["model"] == catalogue.choices("model")
    assert found["fits"] == fitting() and set(found["choices"]) == set(catalogue.GROUPS)
    code, out, _ = cli("list")
    (row,) = [line for line in out.splitlines() if line.split()[1:2] == ["lenet"]]
    assert code == 0 and row.split()[3] == "fashion_mnist"
    assert all(name in out for names in found["choices"].values() for name in names)


def test_what_fits_is_known_without_torch_and_without_a_file_of_data(tmp_path: Path) -> None:
    code = "import sys; from dlrun.verbs import list; list.run(['--json']); sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"DLRUN_DATA": str(tmp_path / "data")}
    )
    assert done.returncode == 0 and '"lenet"' in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []
