"""One run's folder: config, metrics, checkpoints, summary. Everything in it can be read without dlrun.

    config.yaml  summary.json  metrics.jsonl  run.log  events.out.tfevents.*  checkpoints/last.pt  best.pt  *.png

Rewritten files go through a temporary file, fsync and rename: a kill at any moment leaves the old or the new one.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import filelock
import yaml

from dlrun.errors import UserError, nearest

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch.utils.tensorboard import SummaryWriter

OUTPUTS = Path("outputs")


def write_atomically(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """`write(file)` into a temporary file beside `path`, then rename. Costs one fsync, about 5 ms on an SSD."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


class RunDir:
    """A run's folder that exists. `create` makes a new one, `open` finds one by path or as `last`."""

    def __init__(self, path: Path):
        self.path = path
        self.writer: SummaryWriter | None = None

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @cached_property
    def lock(self) -> filelock.BaseFileLock:
        return filelock.FileLock(self.path / ".lock", timeout=0)

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
                (path / "checkpoints").mkdir()
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
        if (path / "config.yaml").is_file():
            return cls(path)
        known = sorted(run for run, _ in find_runs([OUTPUTS]))
        what = "is no run's folder: it has no config.yaml" if path.is_dir() else "does not exist"
        there = (
            f"{nearest(name, known[-8:])} The newest is `last`." if known else f"There is no run under {OUTPUTS}/ yet."
        )
        raise UserError(f"{name} {what}. {there}")

    @contextmanager
    def working(self, purge_after: int | None = None) -> Iterator[None]:
        """Holds the folder for this process alone, its TensorBoard file open; there, later steps are hidden."""
        from torch.utils.tensorboard import SummaryWriter

        try:
            self.lock.acquire()
        except filelock.Timeout:
            raise UserError(f"{self.path} is in use: another dlrun is training it. Wait for it or stop it.") from None
        try:
            purge = None if purge_after is None else purge_after + 1
            self.writer = SummaryWriter(str(self.path), purge_step=purge)
            yield
        finally:
            if self.writer is not None:
                self.writer.close()
                self.writer = None
            self.lock.release()  # the file stays: unlinking a lock lets two processes hold it

    def in_use(self) -> bool:
        """Whether a process is training it now; a run killed with SIGKILL still says `running` in its summary."""
        if not (self.path / ".lock").exists():
            return False
        try:
            with filelock.FileLock(self.path / ".lock", timeout=0):
                return False
        except filelock.Timeout:
            return True
        except OSError:  # a folder of somebody else's, or read-only: nothing trains there under our name
            return False

    def wait_until_free(self, seconds: float) -> None:
        """A worker whose sweep was killed saves and ends by itself, a moment later. UserError when it does not."""
        until = time.monotonic() + seconds
        while self.in_use():
            if time.monotonic() > until:
                raise UserError(f"{self.path} is in use: another dlrun is training it.")
            time.sleep(0.1)

    # config and summary

    def write_config(self, config: dict[str, Any]) -> None:
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        write_atomically(self.path / "config.yaml", lambda file: file.write(text.encode()))

    def read_config(self) -> dict[str, Any]:
        try:
            config = yaml.safe_load((self.path / "config.yaml").read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise UserError(f"{self.path}/config.yaml can't be read: {str(error).splitlines()[0]}") from error
        if not isinstance(config, dict) or "choices" not in config:
            raise UserError(f"{self.path}/config.yaml is not the config of a run.")
        return config

    def write_summary(self, summary: dict[str, Any]) -> None:
        text = json.dumps(summary, indent=1, ensure_ascii=False, default=str)
        write_atomically(self.path / "summary.json", lambda file: file.write(text.encode() + b"\n"))

    def read_summary(self) -> dict[str, Any]:
        return read_summary(self.path)

    # metrics: metrics.jsonl and TensorBoard, the same tags

    def log(self, step: int, epoch: int, time_s: float, figures: dict[str, float]) -> None:
        line = json.dumps({"step": step, "epoch": epoch, "time_s": round(time_s, 3), **figures})
        with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(line + "\n")
        if self.writer is not None:
            for tag, value in figures.items():
                self.writer.add_scalar(tag, value, step)

    def log_text(self, tag: str, text: str, step: int) -> None:
        if self.writer is not None:
            self.writer.add_text(tag, text, step)

    def keep_picture(self, tag: str, picture: Image, step: int) -> Path:
        """In TensorBoard, and as a PNG in the run's folder, named as the tag's last part."""
        path = self.path / f"{tag.rpartition('/')[2]}.png"
        write_atomically(path, lambda file: picture.save(file, "PNG", optimize=True))
        if self.writer is not None:
            import numpy as np  # here, as to list runs would otherwise take 0.1 s longer

            self.writer.add_image(tag, np.asarray(picture.convert("RGB")), step, dataformats="HWC")
        return path

    def metrics(self) -> list[dict[str, Any]]:
        """Every logged step; a last line that a kill cut short is left out."""
        path = self.path / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def forget_after(self, step: int) -> None:
        """Drops the metrics of steps after the last checkpoint of a killed run: a resumed one makes them again."""
        kept = "".join(json.dumps(line) + "\n" for line in self.metrics() if line["step"] <= step)
        if kept or (self.path / "metrics.jsonl").exists():
            write_atomically(self.path / "metrics.jsonl", lambda file: file.write(kept.encode()))

    # checkpoints

    def save_checkpoint(self, name: str, state: dict[str, Any]) -> None:
        import torch

        # Into memory first: on a full disk torch.save raises a RuntimeError without a reason, a file an OSError.
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self.checkpoints.mkdir(exist_ok=True)
        write_atomically(self.checkpoints / f"{name}.pt", lambda file: file.write(buffer.getbuffer()))

    def load_checkpoint(self, name: str) -> dict[str, Any] | None:
        """A checkpoint on the CPU, or None where there is none. UserError for a damaged one."""
        import torch

        path = self.checkpoints / f"{name}.pt"
        if not path.exists():
            return None
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch.load raises whatever the zip and pickle readers raise
            raise UserError(f"{path} is damaged and can't be loaded ({type(error).__name__}).") from error


def read_summary(path: str | Path) -> dict[str, Any]:
    """A run's summary, or {} where there is none yet or it can't be read."""
    try:
        # Of thousands of runs: pathlib takes twice as long, and a buffer is made for each.
        with open(f"{path}/summary.json", "rb", buffering=0) as file:
            summary = json.loads(file.read().decode())
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def find_runs(folders: list[Path]) -> Iterator[tuple[str, float]]:
    """Every run below the given folders, and when its config.yaml was written; nothing is looked for inside one."""
    for folder in folders:
        if not folder.is_dir():
            if folder != OUTPUTS:  # which just means that nothing has run yet
                raise UserError(f"{folder} does not exist.")
            continue
        pending = [str(folder)]
        while pending:
            path = pending.pop()
            try:
                started = os.stat(f"{path}/config.yaml").st_mtime  # to list a run's folder would cost ten times more
            except OSError:
                with suppress(OSError), os.scandir(path) as entries:  # not ours to read, or gone meanwhile
                    pending += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
                continue
            yield path.removeprefix("./"), started
