"""`dlrun [train]`: the plainest run, and what keeps one from starting."""

from pathlib import Path

from runs import Cli, Run


def test_the_default_run_reaches_the_noise(cli: Cli) -> None:
    code, _, err = cli("trainer.epochs=3", "folder=run")
    assert code == 0
    summary = Run("run").summary
    assert summary["status"] == "completed" and summary["metrics"]["test/mse"] < 1.5e-4  # the noise's variance: 1e-4
    assert {"goal", "epoch", "step", "parameters", "duration_s"} < summary.keys()
    assert {"examples_per_s", "seed", "device", "data"} < summary.keys()
    assert summary["goal"]["metric"] == "val/mse" and summary["parameters"] == 3
    kept = sorted(path.name for path in Path("run/checkpoints").iterdir())
    assert kept == ["best.pt", "last.pt", "previous.pt"]
    assert "dlrun resume run" in err and "test/mse" in Path("run/run.log").read_text()


def test_one_process_of_several_would_train_the_same_again(cli: Cli, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, out, err = cli("trainer.epochs=1")
    assert (code, out) == (2, "")
    assert err == "error: Training in several processes at once is not there yet: start dlrun without torchrun.\n"
    assert list(Path().iterdir()) == []


def test_a_model_that_does_not_fit_is_told_before_any_data_is_there(cli: Cli, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "data"))
    code, _, err = cli("model=lenet", "data=ptb")
    assert code == 2 and "LeNet needs in_channels" in err and "Models that fit ptb: awd_lstm, gru" in err
    assert list(tmp_path.iterdir()) == []
