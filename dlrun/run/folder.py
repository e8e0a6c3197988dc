"""One run's folder: config, metrics, checkpoints, summary. Everything in it can be read without dlrun.

    config.yaml  summary.json  metrics.jsonl  run.log  events.out.tfevents.*  *.png
    checkpoints/last.pt  previous.pt  best.pt

`kept` reads and writes them, so that a stranger's folder or a damaged one does no harm.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import yaml

from dlrun.config.outputs import OUTPUTS
from dlrun.errors import UserError, nearest
from dlrun.run import checkpoint
from dlrun.run.records import Config, Line, Summary
from dlrun.store import decode, kept
from dlrun.store.kept import Missing, Unreadable
from dlrun.terminal.plain import command, storable

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch.utils.tensorboard import SummaryWriter

METRICS_LIMIT = 2**32  # bytes of metrics.jsonl: some twenty million lines


class RunDir:
    """A run's folder that exists. `create` makes a new one, `open` finds one by path or as `last`."""

    def __init__(self, path: Path):
        self.path = path
        self.writer: SummaryWriter | None = None

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @classmethod
    def create(cls, wanted: Path) -> RunDir:
        """A new folder of its own: of two runs that want the same name at once, one gets `-2` behind it."""
        try:
            wanted.parent.mkdir(parents=True, exist_ok=True)
            for number in range(1, 10_000):
                path = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
                try:
                    path.mkdir()  # atomic: the one who makes it owns it
                except FileExistsError:
                    continue
                try:
                    (path / "checkpoints").mkdir()
                except OSError:
                    path.rmdir()  # of a disk that is full by now: nothing stays
                    raise
                return cls(path)
        except OSError as error:
            raise UserError(
                f"The run's folder {wanted} can't be made: {error.strerror}. Type folder=PATH for another place."
            ) from error
        raise UserError(f"{wanted} and its numbered neighbours all exist. Type folder=PATH for another place.")

    @classmethod
    def open(cls, name: str) -> RunDir:
        if name == "last":
            runs = list(find_runs([OUTPUTS]))
            if not runs:
                raise UserError(f"There is no run under {OUTPUTS}/ yet. Start one: dlrun model=lstm")
            return cls(Path(max(runs, key=lambda run: run[1])[0]))
        path = Path(name)
        if kept.is_plain(path / "config.yaml"):
            return cls(path)
        known = sorted(run for run, _ in find_runs([OUTPUTS]))
        there = (
            f"{nearest(name, known[-8:])} The newest is `last`." if known else f"There is no run under {OUTPUTS}/ yet."
        )
        raise UserError(f"{name} {no_run(name)}. {there}")

    @contextmanager
    def working(self) -> Iterator[None]:
        """Holds the folder for this process alone."""
        busy = f"{self.path} is in use: another dlrun is training it. Wait for it or stop it."
        with kept.held(self.path, busy, "checkpoints", "attention"):
            yield

    @contextmanager
    def writing(self, purge_after: int | None = None) -> Iterator[None]:
        """With its TensorBoard file open, in which later steps are hidden."""
        purge = None if purge_after is None else purge_after + 1
        with ExitStack() as stack:
            folder = str(self.path)
            if storable(folder) != folder:  # TensorBoard opens no name that UTF-8 does not have, but a handle's (Linux)
                handle = os.open(self.path, kept.DIRECTORY)
                stack.callback(os.close, handle)
                folder = f"/proc/self/fd/{handle}"
            self.writer = event_writer(folder, purge)
            try:
                yield
            finally:
                self.writer.close()
                self.writer = None

    def in_use(self) -> bool:
        """Whether a process is training it now; a run killed with SIGKILL still says `running` in its summary."""
        if not kept.is_plain(self.path / ".lock"):
            return False
        try:
            with kept.lock(self.path):
                return False
        except filelock.Timeout:
            return True
        except (OSError, UserError):  # a folder of somebody else's, or read-only: nothing trains there under our name
            return False

    def wait_until_free(self, seconds: float) -> None:
        """A worker whose sweep was killed saves and ends by itself, a moment later. UserError when it does not."""
        until = time.monotonic() + seconds
        while self.in_use():
            if time.monotonic() > until:
                raise UserError(f"{self.path} is in use: another dlrun is training it.")
            time.sleep(0.1)

    # config and summary

    def write_config(self, config: dict[str, object]) -> None:
        kept.replace_text(self.path, "config.yaml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))

    def read_config(self) -> Config:
        """Unreadable for what is not the config of a run."""
        config = kept.read_yaml(self.path, "config.yaml", Config)
        if "choices" not in config:
            raise Unreadable(f"{self.path}/config.yaml is not the config of a run.")
        return config

    def write_summary(self, summary: Mapping[str, object]) -> None:
        kept.write_json(self.path, "summary.json", summary)

    def read_summary(self) -> Summary:
        return read_summary(self.path)

    # metrics: metrics.jsonl and TensorBoard, the same tags

    def log(
        self, step: int, epoch: int, time_s: float, metrics: dict[str, float], beside: dict[str, float] | None = None
    ) -> None:
        """`beside`: what TensorBoard alone is told."""
        line = json.dumps({"step": step, "epoch": epoch, "time_s": round(time_s, 3), **metrics})
        handle = kept.open_to_append(self.path, "metrics.jsonl")
        try:
            kept.append(handle, f"{line}\n".encode())
        finally:
            os.close(handle)
        if self.writer is not None:
            for tag, value in (metrics | (beside or {})).items():
                self.writer.add_scalar(tag, value, step)

    def log_text(self, tag: str, text: str, step: int) -> None:
        if self.writer is not None:
            self.writer.add_text(tag, text, step)

    def keep_picture(self, tag: str, picture: Image, step: int) -> Path:
        """In TensorBoard, and as a PNG in the run's folder, named as the tag's last part."""
        name = f"{tag.rpartition('/')[2]}.png"
        kept.replace(self.path, name, lambda file: picture.save(file, "PNG", optimize=True))
        if self.writer is not None:
            import numpy as np  # here, as to list runs would otherwise take 0.1 s longer

            self.writer.add_image(tag, np.asarray(picture.convert("RGB")), step, dataformats="HWC")
        return self.path / name

    def forget_after(self, step: int, *, tested: bool = False) -> int:
        """Drops the metrics of later steps than the last that a killed run's checkpoint knows of: they come again.

        `tested`: the run stands at its end, so that the test's line comes again as well. How many lines were damaged;
        the good ones stay, byte for byte.
        """
        try:
            lines = kept.read(self.path, "metrics.jsonl", METRICS_LIMIT).split(b"\n")[:-1]
        except Missing:
            return 0
        read = [(line, metrics_line(line)) for line in lines]
        good = [line for line, said in read if said and said["step"] <= step - (tested and of_test(said))]
        text = b"".join(line + b"\n" for line in good)
        kept.replace(self.path, "metrics.jsonl", lambda file: file.write(text))
        return sum(said is None for _, said in read)

    # checkpoints

    def save_checkpoint(self, name: str, state: dict[str, object], *, keep: str | None = None) -> None:
        checkpoint.save(self.path, name, state, keep=keep)

    def has_checkpoint(self, name: str) -> bool:
        return checkpoint.exists(self.path, name)

    def load_checkpoint(self, name: str) -> dict[str, object] | None:
        """A checkpoint on the CPU, or None where there is none. Unreadable for a damaged one."""
        return checkpoint.load(self.path, name)


def event_writer(folder: str, purge: int | None) -> SummaryWriter:
    """A new event file behind those that are there.

    TensorBoard reads them in the order of their names, which end in the second and a process's count: there 10 comes
    before 9, as of two short sessions that one process had in one second.
    """
    from torch.utils.tensorboard import SummaryWriter

    before = event_files(folder)
    writer = SummaryWriter(folder, purge_step=purge)
    new = event_files(folder) - before
    if before and new and min(new) < max(before):
        writer.close()
        os.unlink(f"{folder}/{new.pop()}")
        time.sleep(1 - time.time() % 1)
        writer = SummaryWriter(folder, purge_step=purge)
    return writer


def event_files(folder: str) -> set[str]:
    return {name for name in os.listdir(folder) if name.startswith("events.out.tfevents.")}


def no_run(name: str) -> str:
    """Why a name that was typed stands for no run."""
    if os.path.isdir(name):
        return "is no run's folder: it has no config.yaml"
    if os.path.islink(name):
        return "is a link, and no link to a file is followed here: type the file itself"
    return "is a file, and no run's folder" if os.path.exists(name) else "does not exist"


def best_checkpoint(name: str) -> tuple[Path, str]:
    """What answers: a folder and the file below it, of a checkpoint's own path or of a run's best one."""
    name = os.path.expanduser(name)  # the shell leaves it in init_from=~/run
    path = Path(name)
    if path.suffix == ".pt" and kept.is_plain(path):
        return path.parent, path.name
    run = RunDir.open(name)
    if not run.has_checkpoint("best") and run.in_use():
        raise UserError(f"{run.path} has no checkpoint best.pt yet: it trains. Wait for its first evaluation.")
    if not run.has_checkpoint("best"):
        raise UserError(f"{run.path} has no checkpoint best.pt yet. Train it further: {command('resume', run.path)}")
    return run.path, f"{checkpoint.FOLDER}/best.pt"


def metrics_line(raw: bytes) -> Line | None:
    """None for a line that is damaged, as after a power cut."""
    try:
        return decode.record(decode.json_value(raw), Line)
    except ValueError:
        return None


def of_test(line: Line) -> bool:
    """Whether it is what a run says at its very end, of nothing but its test part."""
    return all(tag.startswith("test/") for tag in line if tag not in Line.__annotations__)


def read_summary(path: str | Path) -> Summary:
    """A run's summary, or {} where there is none yet. Unreadable for one that is damaged or somebody else's."""
    try:
        return kept.read_json(path, "summary.json", Summary)
    except Missing:
        return {}


def find_runs(folders: list[Path]) -> Iterator[tuple[str, float]]:
    """Every run below the given folders, and when its config.yaml was written; nothing is looked for inside one."""
    for folder in folders:
        if not os.path.isdir(folder):
            if folder != OUTPUTS:  # which just means that nothing has run yet
                raise UserError(f"{folder} does not exist.")
            continue
        pending = [str(folder)]
        while pending:
            path = pending.pop()
            try:
                about = os.lstat(f"{path}/config.yaml")  # to list a run's folder would cost ten times more
            except OSError:
                about = None
            if about is None or not stat.S_ISREG(about.st_mode):
                with suppress(OSError), os.scandir(path) as entries:  # not ours to read, or gone meanwhile
                    pending += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
                continue
            yield path.removeprefix("./"), about.st_mtime
