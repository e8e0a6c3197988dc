"""Runs `dlrun ...` in forks of one process that has everything imported: 20 to 200 ms a call instead of seconds.

A line of JSON asks: argv, cwd, env, out, err, seconds. One answers: code (None: it did not end), seconds, cpu, mb.
"""

import gc
import glob
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from contextlib import suppress
from importlib import import_module

MEMORY = 6 << 30  # bytes more than the server has: a bomb must not take the machine along
WARM = [
    "dlrun.run.session",
    "dlrun.run.answer",
    "dlrun.sweep.jobs",
    "dlrun.sweep.worker",
    "dlrun.sweep.optuna",
    "torch._dynamo",
]
WARM += ["torch.utils.tensorboard", "dlrun.draw.alignment"]


def main() -> None:
    from dlrun.verbs import VERBS

    for module in [*WARM, "dlrun.cli", *(f"dlrun.verbs.{verb}" for verb in VERBS)]:
        import_module(module)
    gc.freeze()  # a fork shares what is never touched again
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)


def answer(argv: list[str], cwd: str, env: dict[str, str], out: str, err: str, seconds: float) -> dict:
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        call(argv, cwd, env, out, err)
    ended = wait(child, seconds)
    if not ended:
        os.kill(child, signal.SIGKILL)
    status, used = os.wait4(child, 0)[1:]
    with suppress(ProcessLookupError):  # what it started and left behind; of its session it was the leader
        os.killpg(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status) if ended else None
    cpu = used.ru_utime + used.ru_stime
    return {"code": code, "seconds": time.monotonic() - started, "cpu": cpu, "mb": used.ru_maxrss / 1024}


def wait(child: int, seconds: float) -> bool:
    """Whether it ends. On a busy machine a call may take long without a fault of its own: it hangs when it and what it

    started have computed for so many seconds, or have done nothing at all for as many.
    """
    handle, idle, before = os.pidfd_open(child), 0.0, -1.0
    try:
        while not select.select([handle], [], [], 0.5)[0]:
            cpu = computed(child)
            idle, before = (idle + 0.5 if cpu == before else 0.0), cpu
            if max(cpu, idle) >= seconds:
                return False
        return True
    finally:
        os.close(handle)


def computed(session: int) -> float:
    """Seconds of all processes of a session."""
    ticks = 0
    for path in glob.glob("/proc/[0-9]*/stat"):
        with suppress(OSError), open(path, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
            ticks += int(fields[11]) + int(fields[12]) if int(fields[3]) == session else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def call(argv: list[str], cwd: str, env: dict[str, str], out: str, err: str) -> None:
    os.setsid()
    os.chdir(cwd)
    os.environ.update(env)
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        os.dup2(os.open(path, flags | (os.O_CREAT | os.O_TRUNC if number else 0), 0o600), number)
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 30, 2 << 30))
    from dlrun.cli import exit_code

    sys.argv, code = ["dlrun", *argv], 1
    try:
        code = exit_code(argv)
    except BaseException:  # what nobody caught ends in a traceback and 1, as from the command line
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # to take an interpreter with torch apart would be most of the call


if __name__ == "__main__":
    main()
