"""Workers on a Ray cluster: each job is a Ray task in a process of its own, on whichever machine has room.

All machines see the sweep's folder under the same path, and have dlrun and the data (`DLRUN_DATA`, `DLRUN_MIRRORS`).
"""

import asyncio
import logging
import os
import signal
from collections import defaultdict
from collections.abc import Iterator

from dlrun.errors import UserError
from dlrun.sweep.folder import Job
from dlrun.sweep.launcher import Launcher, Slot
from dlrun.sweep.pool import Event, Message
from dlrun.sweep.worker import work

try:
    import ray
except ImportError as error:
    raise UserError("hydra/launcher=ray needs Ray: pip install 'dlrun[ray]'") from error


class Post:
    """Between the sweep and its jobs, which may be on other machines. Runs as an actor on the cluster."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, Message]] = []
        self.answers: dict[int, asyncio.Queue[bool]] = defaultdict(asyncio.Queue)
        self.stopping = False

    async def tell(self, job: int, message: Message) -> bool:
        """Whether the job shall save and stop."""
        self.messages.append((job, message))
        return self.stopping

    async def take(self) -> list[tuple[int, Message]]:
        taken, self.messages = self.messages, []
        return taken

    async def answer(self, job: int, value: bool) -> None:
        self.answers[job].put_nowait(value)

    async def ask(self, job: int) -> bool:
        return await self.answers[job].get()

    async def stop(self) -> None:
        self.stopping = True


class Line:
    """What a job has for a connection: `send` and `recv`, as of a pipe."""

    def __init__(self, post: "ray.actor.ActorHandle", job: int):
        self.post, self.job = post, job

    def send(self, message: object) -> None:
        try:
            if ray.get(self.post.tell.remote(self.job, message)):
                os.kill(os.getpid(), signal.SIGTERM)
        except ray.exceptions.RayError as error:  # the sweep is gone
            raise OSError(str(error)) from error

    def recv(self) -> bool:
        try:
            return bool(ray.get(self.post.ask.remote(self.job)))
        except ray.exceptions.RayError as error:
            raise OSError(str(error)) from error


def run_job(
    post: "ray.actor.ActorHandle",
    job: Job,
    slot: Slot,
    trusted: tuple[str, ...],
    folder: str,
    environment: dict[str, str],
) -> None:
    os.chdir(folder)
    os.environ.update(environment)
    work(job, slot, trusted, Line(post, job.number))


class RayWorkers:
    """As `Workers`, on a cluster. conf/hydra/launcher/ray.yaml."""

    def __init__(self, launcher: Launcher, jobs: int, trusted: tuple[str, ...], *, address: str):
        self.trusted = trusted
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UserError(
                f"hydra.launcher.address={address}: no Ray cluster answers there. Start one with `ray start --head`, "
                "or type hydra.launcher.address=local."
            ) from error
        self.free = slots(launcher, jobs)
        self.gpus = 1 if ray.cluster_resources().get("GPU") else 0
        self.post: ray.actor.ActorHandle = ray.remote(num_cpus=0)(Post).remote()
        self.busy: dict[int, tuple[Job, Slot, ray.ObjectRef]] = {}

    def start(self, job: Job) -> None:
        slot = self.free.pop(0)
        # max_calls=1: a process of its own for every job, as on one machine.
        task = ray.remote(num_cpus=slot.threads, num_gpus=self.gpus, max_calls=1, max_retries=0)(run_job)
        environment = {key: value for key, value in os.environ.items() if key.startswith(("DLRUN_", "PYTHONPATH"))}
        running = task.remote(self.post, job, slot, self.trusted, os.getcwd(), environment)
        self.busy[job.number] = (job, slot, running)

    def events(self, seconds: float) -> Iterator[Event]:
        done, _ = ray.wait([task for *_, task in self.busy.values()], num_returns=len(self.busy), timeout=seconds)
        for number, message in ray.get(self.post.take.remote()):
            if number not in self.busy:
                continue
            yield Event(self.busy[number][0], message)
            if message[0] == "ended":
                self.release(number)
        for number in [number for number, (*_, task) in self.busy.items() if task in done]:
            job, _, task = self.busy[number]
            self.release(number)
            yield Event(job, ("ended", "failed", how_it_died(task)))

    def release(self, number: int) -> None:
        self.free.append(self.busy.pop(number)[1])

    def answer(self, job: Job, value: bool) -> None:
        self.post.answer.remote(job.number, value)

    def signal_all(self, number: int) -> None:
        if number == signal.SIGKILL:
            for *_, task in self.busy.values():
                ray.cancel(task, force=True)
        else:
            ray.get(self.post.stop.remote())

    def let_go(self) -> None:
        self.signal_all(signal.SIGTERM)


def slots(launcher: Launcher, jobs: int) -> list[Slot]:
    """One for each GPU of the cluster, or as many as its cores can feed. Ray itself says which GPU a job may see."""
    there, threads = ray.cluster_resources(), launcher.threads or 1
    count = launcher.workers or int(there.get("GPU", 0)) or max(1, int(there.get("CPU", 1)) // threads)
    return [Slot(threads, None)] * max(1, min(count, jobs))


def how_it_died(task: object) -> str:
    try:
        ray.get(task)
    except ray.exceptions.RayError as error:
        lines = str(error).strip().splitlines()
        return f"its Ray worker died: {lines[0] if lines else type(error).__name__}"
    return "its Ray worker ended without a word"
