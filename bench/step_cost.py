"""What a step costs beyond torch: dlrun against a bare loop on the same model, data, optimizer and batch size.

    python bench/step_cost.py                        this dlrun
    python bench/step_cost.py --old PYTHON           and that of another interpreter, round about with this one
    python bench/step_cost.py --case linear --rounds 40

`dlrun` trains as typed on the command line, in a process of its own. After so many of its steps an optimizer's hook,
which is torch's own, stops the clock and runs as many steps of the bare loop; so both have their turns in one process,
and with --old the two processes take turns as well. What is shown is the median over rounds, in microseconds a step, of
processor time: what else the machine does counts less than in seconds.
The bare loop shuffles, takes rows by their numbers, steps, and adds up its loss: no metrics, no log, no evaluation.
What the home config of a model asks of torch (fused Adam, dropout, clipping) the bare loop does as well.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout, mse_loss
from torch.optim import Optimizer

LONG = ["device=cpu", "stand_in=always", "trainer.epochs=null", "trainer.max_steps=1000000"]
SELDOM = [f"trainer.{key}=null" for key in ("eval_every_epochs", "checkpoint_every_epochs", "checkpoint_every_minutes")]
LINEAR = ["model=linear", "data.n=100000", "batch_size=10"]
CASES = {  # what is typed, and steps a round
    "linear": ([*LINEAR, "trainer.log_every_steps=100000"], 500),
    "linear, each 10th step logged": ([*LINEAR, "trainer.log_every_steps=10"], 500),
    "mlp": (["model=mlp"], 40),
    "lenet": (["model=lenet"], 10),
    "lstm": (["model=lstm"], 6),
}


def bare(case: str, shapes: list[torch.Size]) -> Callable[[int], None]:
    """A loop that takes so many steps each time it is called."""
    if case == "lstm":
        return language_model(vocab_size=shapes[0][0])
    if case.startswith("linear"):
        x, y, size, model = torch.randn(80_000, 2), torch.randn(80_000, 1), 10, nn.Sequential(nn.Linear(2, 1))
        optim: Optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    else:
        x, y, size = torch.randint(256, (4000, 1, 28, 28)).byte(), torch.randint(10, (4000,)), 256
        model = nn.Sequential(*(mlp() if case == "mlp" else lenet()))
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as dlrun has it
        optim = torch.optim.Adam(model.parameters(), fused=True)
    assert [each.shape for each in model.parameters()] == shapes, "the bare loop has another model"

    def loss_of(chosen: Tensor) -> Tensor:
        if y.is_floating_point():
            return mse_loss(model(x[chosen]), y[chosen]) / 2
        return cross_entropy(model(x[chosen].float() / 255), y[chosen])

    def batches() -> Iterator[Tensor]:
        while True:
            order = torch.randperm(len(x))
            yield from (order[begin : begin + size] for begin in range(0, len(x), size))

    return loop(batches(), loss_of, optim)


def mlp() -> list[nn.Module]:
    return [nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)]


def lenet() -> list[nn.Module]:
    features = [nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)]
    features += [nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    linear = [nn.Linear(256, 120), nn.BatchNorm1d(120), nn.ReLU(), nn.Linear(120, 84), nn.BatchNorm1d(84), nn.ReLU()]
    return [*features, *linear, nn.Linear(84, 10)]


def language_model(vocab_size: int) -> Callable[[int], None]:
    embedding, lstm = nn.Embedding(vocab_size, 256), nn.LSTM(256, 256, batch_first=True)
    output = nn.Linear(256, vocab_size)
    parameters = [*embedding.parameters(), *lstm.parameters(), *output.parameters()]
    optim = torch.optim.Adam(parameters, lr=0.002, fused=True)
    stream, state = torch.randint(vocab_size, (32, 35 * 40 + 1)), None

    def loss_of(begin: int) -> Tensor:
        nonlocal state
        if begin == 0:
            state = None
        x, state = lstm(dropout(embedding(stream[:, begin : begin + 35]), 0.5), state)
        state = tuple(part.detach() for part in state)
        return cross_entropy(output(dropout(x, 0.5)).flatten(0, 1), stream[:, begin + 1 : begin + 36].flatten())

    def batches() -> Iterator[int]:
        while True:
            yield from range(0, 35 * 40, 35)

    return loop(batches(), loss_of, optim, clip=parameters)


def loop(
    batches: Iterator[Any], loss_of: Callable[[Any], Tensor], optim: Optimizer, clip: Sequence[Tensor] = ()
) -> Callable[[int], None]:
    def steps(count: int) -> None:
        total = 0.0
        for _ in range(count):
            loss = loss_of(next(batches))
            optim.zero_grad()
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(clip, 1.0)
            optim.step()
            total += loss.item()

    return steps


def work(case: str) -> None:
    """One process: for each line that it reads one with both sides' seconds; it ends itself when there is none."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from dlrun.cli import exit_code

    typed, count = CASES[case]
    begun, done, running, steps = 0.0, -count // 2, False, None  # half a round, not counted, to warm up

    def after_step(optim: Optimizer, *_: Any) -> None:
        nonlocal begun, done, running, steps
        if running:
            return
        done += 1
        if steps is None:
            steps = bare(case, [each.shape for group in optim.param_groups for each in group["params"]])
        if done and done < count:
            return
        running = True
        if done:
            between = time.process_time()
            steps(count)
            seconds = {"dlrun": (between - begun) / count, "bare": (time.process_time() - between) / count}
            print(json.dumps(seconds), flush=True)
        else:
            steps(count)
            print("ready", flush=True)
        if not sys.stdin.readline():
            os.kill(os.getpid(), signal.SIGINT)
        running, done, begun = False, 0, time.process_time()

    register_optimizer_step_post_hook(after_step)
    exit_code([*typed, *LONG, *SELDOM, "folder=run"])


def measured(case: str, pythons: dict[str, str], rounds: int) -> dict[str, tuple[float, float]]:
    """Who -> the medians of its steps and of the bare ones beside them."""
    environment = os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in pythons}
    with tempfile.TemporaryDirectory() as folder:
        workers = {}
        for name, python in pythons.items():
            os.mkdir(f"{folder}/{name}")
            workers[name] = subprocess.Popen(
                [os.path.abspath(python), os.path.abspath(__file__), "--work", case],
                cwd=f"{folder}/{name}",
                env=environment | {"DLRUN_DATA": f"{folder}/{name}/data"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=open(f"{folder}/{name}/said", "w"),  # noqa: SIM115 - the process has its own
                text=True,
            )
        for name, each in workers.items():
            if answer(each) != "ready":
                sys.exit(Path(folder, name, "said").read_text())
        for _ in range(rounds):
            for name, each in workers.items():
                ask(each)
                found[name].append(json.loads(answer(each)))
        for each in workers.values():
            each.communicate()
    return {
        name: (statistics.median(one["dlrun"] for one in all_), statistics.median(one["bare"] for one in all_))
        for name, all_ in found.items()
    }


def ask(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    worker.stdin.write("\n")
    worker.stdin.flush()


def answer(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--old", metavar="PYTHON", help="an interpreter that imports the dlrun to compare with")
    parser.add_argument("--case", action="append", choices=list(CASES), help="only these")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work)
        return
    pythons = ({"old": arguments.old} if arguments.old else {}) | {"new": sys.executable}
    for case in arguments.case or CASES:
        for name, (ours, torchs) in measured(case, pythons, arguments.rounds).items():
            shown = f"{name:4} {1e6 * ours:9,.0f} us, bare {1e6 * torchs:9,.0f} us: {ours / torchs:.2f} x"
            print(f"{case:30} {shown}", flush=True)


if __name__ == "__main__":
    main()
