"""The trainer's settings, each by what it changes in a real run."""

import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from runs import Cli, Run, alike
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlrun import console
from dlrun.cli import exit_code

QUICK = ["data=airfoil", "stand_in=always", "device=cpu", "optim=momentum", "optim.lr=0.001", "trainer.epochs=3"]


def train(folder: Path, *arguments: str) -> list[dict]:
    assert exit_code([*QUICK, f"folder={folder}", *arguments]) == 0
    return Run(folder).metrics


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(tmp_path / name, f"seed={seed}")
    a, b, c = (Run(tmp_path / name).weights()["layer.weight"] for name in "abc")
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.slow
def test_nothing_leaks_from_job_to_job(tmp_path: Path, cli: Cli) -> None:
    """The second job of a sweep is what it would have been alone."""
    assert cli("-m", *QUICK, "model=mlp", "model.hidden=[8]", "model.dropout=0.5,0.2")[0] == 0
    (second,) = tmp_path.glob("outputs/*/*-sweep/1-*")
    train(tmp_path / "alone", "model=mlp", "model.hidden=[8]", "model.dropout=0.2")
    assert alike(Run(tmp_path / "alone").weights(), Run(second).weights())


def test_max_steps_ends_a_run_in_mid_epoch_and_evaluates_there(tmp_path: Path) -> None:
    lines = train(tmp_path / "run", "trainer.max_steps=7")
    assert Run(tmp_path / "run").summary["step"] == 7
    assert [line["step"] for line in lines if "val/mse" in line] == [7]


@pytest.mark.slow
def test_accumulating_two_batches_is_one_of_twice_the_size(tmp_path: Path) -> None:
    train(tmp_path / "two", "batch_size=16", "trainer.accumulate=2")
    train(tmp_path / "one", "batch_size=32")
    two, one = (Run(tmp_path / name).weights()["layer.weight"] for name in ("two", "one"))
    assert torch.allclose(two, one, atol=1e-6)
    assert Run(tmp_path / "two").summary["step"] == Run(tmp_path / "one").summary["step"]


def pass_mean(lines: list[dict], tag: str, first: int, last: int, rows: int) -> float:
    """Over steps that were logged one by one; batches have 10 rows, the one that ends a pass those that are left."""
    steps = [line for line in lines if tag in line and first <= line["step"] <= last]
    counts = [rows % 10 or 10 if line["step"] % -(-rows // 10) == 0 else 10 for line in steps]
    return sum(line[tag] * count for line, count in zip(steps, counts, strict=True)) / sum(counts)


def test_an_epochs_figures_are_means_over_the_whole_epoch(cli: Cli) -> None:
    """Of windows of one step each the mean can be worked out; what is logged does not decide what is shown."""
    typed = [*QUICK, "trainer.epochs=2"]
    assert cli(*typed, "folder=each", "trainer.log_every_steps=1")[0] == 0
    code, _, err = cli(*typed, "folder=few", "trainer.log_every_steps=50")
    assert code == 0
    lines = Run("each").metrics
    count = max(line["step"] for line in lines) // 2
    rows = 1503 - 2 * 150
    assert count == -(-rows // 10) and rows % 10
    first, second = (pass_mean(lines, "train/mse", 1 + count * e, count * (e + 1), rows) for e in (0, 1))
    for run in ("each", "few"):
        assert Run(run).summary["metrics"]["train/mse"] == pytest.approx(second, rel=1e-12)
    shown = re.findall(r"^epoch \d/2 +loss ([\d.]+) +mse ([\d.]+)", err, re.MULTILINE)
    assert [mse for _, mse in shown] == [console.number(first), console.number(second)]
    windows = Run("few").metrics
    at_the_end = next(line for line in windows if line["step"] == count)
    assert at_the_end["train/mse"] == pytest.approx(pass_mean(lines, "train/mse", 101, count, rows), rel=1e-12)


def test_an_epochs_figures_survive_a_resume_in_its_midst(cli: Cli) -> None:
    """To the bit. After a stop in the second pass the summary still has the first one's means, as it is the last whole

    one; a checkpoint of before this was kept has no sums and counts from where it stands.
    """
    typed = [*QUICK, "trainer.log_every_steps=50"]
    assert cli(*typed, "folder=whole", "trainer.epochs=1")[0] == 0
    first = Run("whole").summary["metrics"]["train/mse"]
    assert cli("resume", "whole", "trainer.epochs=2")[0] == 0
    assert cli(*typed, "folder=halves", "trainer.epochs=2", "trainer.max_steps=70")[0] == 0
    assert cli("resume", "halves", "trainer.max_steps=170")[0] == 0
    assert Run("halves").summary["metrics"]["train/mse"] == first
    shutil.copytree("halves", "older")
    state = Run("older").state()
    del state["trainer"]["running"]["before"]
    torch.save(state, "older/checkpoints/last.pt")
    for run in ("halves", "older"):
        assert cli("resume", run, "trainer.max_steps=1000")[0] == 0
    ends = [Run(run).summary["metrics"]["train/mse"] for run in ("whole", "halves", "older")]
    assert ends[0] == ends[1] != ends[2]


def test_clipping_holds_the_step(tmp_path: Path) -> None:
    """Plain gradient descent, lr 1, norm clipped to 0.01: the step is that long, the logged norm the true one."""
    arguments = ["optim=sgd", "optim.lr=1.0", "trainer.clip=0.01", "trainer.max_steps=1", "trainer.log_every_steps=1"]
    lines = train(tmp_path / "run", *arguments)
    torch.manual_seed(0)
    start = torch.nn.Linear(5, 1)
    moved = torch.cat([start.weight.flatten(), start.bias]) - torch.cat(
        [value.flatten() for value in Run(tmp_path / "run").weights().values()]
    )
    assert moved.norm().item() == pytest.approx(0.01, rel=1e-3)
    assert lines[0]["optim/grad_norm"] > 0.1


def test_patience_ends_a_run_that_no_longer_improves(tmp_path: Path) -> None:
    train(tmp_path / "run", "optim.lr=0.0", "trainer.epochs=50", "trainer.patience=3")
    found = Run(tmp_path / "run").summary
    assert (found["epoch"], found["status"], found["goal"]["best_step"] * 4) == (4, "completed", found["step"])


@pytest.mark.slow
def test_limit_and_overfit_batches(tmp_path: Path) -> None:
    train(tmp_path / "limit", "trainer.limit_batches=5")
    assert Run(tmp_path / "limit").summary["step"] == 15
    tiny = ["trainer.overfit_batches=1", "batch_size=3", "trainer.epochs=300", "trainer.eval_every_epochs=300"]
    train(tmp_path / "overfit", *tiny, "optim.lr=0.01")
    lines = Run(tmp_path / "overfit").metrics
    assert lines[-1]["step"] == 300
    assert lines[299]["train/mse"] < 1e-3 < lines[0]["train/mse"]  # 3 rows, 6 parameters


def test_evaluation_every_so_many_steps(tmp_path: Path) -> None:
    lines = train(
        tmp_path / "run", "trainer.eval_every_steps=50", "trainer.eval_every_epochs=null", "trainer.max_steps=120"
    )
    assert [line["step"] for line in lines if "val/mse" in line] == [50, 100, 120]


def test_best_is_the_best_and_is_what_is_tested(tmp_path: Path) -> None:
    """A learning rate that is too large at first: the best value is somewhere, and eval finds it again."""
    lines = train(tmp_path / "run", "optim.lr=0.02", "trainer.epochs=6")
    values = [line["val/mse"] for line in lines if "val/mse" in line]
    goal = Run(tmp_path / "run").summary["goal"]
    assert goal["best"] == min(values) and goal["mode"] == "min"
    best = Run(tmp_path / "run").state("best")
    assert best["trainer"]["step"] == goal["best_step"]
    assert best.keys() == {"format", "model", "optim", "scheduler", "task", "trainer", "rng", "config", "schema"}


def test_bf16_trains(tmp_path: Path) -> None:
    train(tmp_path / "run", "device.precision=bf16", "optim.lr=0.005")
    assert Run(tmp_path / "run").summary["metrics"]["test/mse"] < 0.3
    assert Run(tmp_path / "run").summary["device"] == "cpu bf16"


def test_a_compiled_model_keeps_its_names(tmp_path: Path) -> None:
    """What is saved is opened without a compiler, which itself would take half a minute here."""
    import torch._dynamo

    with torch._dynamo.config.patch(disable=True):
        train(tmp_path / "compiled", "trainer.compile=true", "trainer.max_steps=3")
    train(tmp_path / "plain", "trainer.max_steps=3")
    assert alike(Run(tmp_path / "compiled").weights(), Run(tmp_path / "plain").weights())


def test_fp16_on_a_cpu_is_refused(cli: Cli) -> None:
    code, _, err = cli("device=cpu", "device.precision=fp16")
    assert code == 2 and "device.precision=fp16 needs a GPU." in err


def test_tensorboard_holds_what_metrics_hold(tmp_path: Path) -> None:
    lines = train(tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run"), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    for tag in (
        "train/loss",
        "train/mse",
        "val/mse",
        "test/mse",
        "optim/lr",
        "optim/grad_norm",
        "speed/examples_per_s",
    ):
        read = [(event.step, event.value) for event in events.Scalars(tag)]
        wanted = [(line["step"], pytest.approx(line[tag], rel=1e-6)) for line in lines if tag in line]
        assert read == wanted, tag
    config = events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "_target_: dlrun.model.linear.Linear" in config


def test_samples_of_text_are_kept_as_they_improve(tmp_path: Path) -> None:
    small = ["model=gru", "model.embed=8", "model.hidden=8", "data=jaychou_lyrics", "trainer.limit_batches=3"]
    train(tmp_path / "run", *small)
    events = EventAccumulator(str(tmp_path / "run"), size_guidance={"tensors": 0})
    events.Reload()
    samples = [event.tensor_proto.string_val[0].decode() for event in events.Tensors("sample/text_summary")]
    assert len(samples) >= 2 and all(len(text) > 50 for text in samples)


def test_perplexity_is_exp_of_the_loss(tmp_path: Path) -> None:
    import math

    lines = train(tmp_path / "run", "model=gru", "model.hidden=8", "data=ptb", "trainer.limit_batches=5")
    for line in lines:
        for split in ("train", "val", "test"):
            if f"{split}/loss" in line:
                assert line[f"{split}/perplexity"] == pytest.approx(math.exp(line[f"{split}/loss"]), rel=1e-9)


@pytest.mark.slow
def test_a_torch_optimizer_and_scheduler_are_one_yaml_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for group, text in (
        ("optim", "_target_: torch.optim.NAdam\nlr: 0.01\n"),
        ("scheduler", "_target_: torch.optim.lr_scheduler.ExponentialLR\ngamma: 0.5\nevery: epoch\nwarmup: 0\n"),
    ):
        (tmp_path / "mine" / group).mkdir(parents=True)
        (tmp_path / "mine" / group / "own.yaml").write_text(text)
    lines = train(tmp_path / "run", "--config-dir", "mine", "optim=own", "scheduler=own")
    assert lines[-2]["optim/lr"] == pytest.approx(0.001 * 0.5**3)  # the lr that QUICK types


@pytest.mark.slow
def test_a_full_disk_is_one_message(tmp_path: Path) -> None:
    """A file may grow to 2 kB, the checkpoint is larger: what the system says then is the same as on a full disk."""
    program = "import sys; from dlrun.cli import main; sys.argv = ['dlrun', *sys.argv[1:]]; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *QUICK, "model=mlp", "data=synthetic_linear", f"folder={tmp_path / 'run'}"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr  # the run failed, not the user
    assert f"{tmp_path / 'run'} can't be written: File too large. Make room. " in done.stderr
    assert "Traceback" not in done.stderr
