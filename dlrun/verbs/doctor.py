"""`dlrun doctor`: what of this machine a run needs, a line each, and the command that mends what is not right.

It asks no network unless mirrors are set or --online is typed, and then no host for longer than some seconds.
"""

import glob
import math
import os
import platform
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal, NamedTuple

from dlrun import __version__, console
from dlrun.config.outputs import OUTPUTS
from dlrun.errors import DlrunError, RunFailed
from dlrun.files import download, transport
from dlrun.terminal.plain import amount, command, quoted
from dlrun.verbs.fetch import file_tables
from dlrun.verbs.parser import verb

OLDEST = (3, 11)  # Python
LITTLE_MEMORY, LITTLE_DISK = 2e9, 1e9  # bytes: below, the larger datasets and models do not fit
NARROW = 60  # columns
SHELLS = {"bash": (".bashrc", ".bash_profile"), "zsh": (".zshrc",), "fish": (".config/fish/config.fish",)}


class Check(NamedTuple):
    """One line. `mend`: what to type where something is not as it should be; "" otherwise."""

    what: str
    state: Literal["ok", "warning", "wrong"]
    found: str
    mend: str = ""


Look = Callable[[], Iterator[Check]]


def run(argv: list[str]) -> None:
    """RunFailed, exit code 1, where something is wrong; a warning is not."""
    parser = verb("doctor", "What of this machine a run needs, and what mends it.", run=False, json=True)
    parser.add_argument("--online", action="store_true", help="also whether the datasets' own addresses answer")
    arguments = parser.parse_args(argv)
    checks = list(all_checks(arguments.online))
    bad = [each.what for each in checks if each.state == "wrong"]
    if arguments.json:
        console.json_out({"ok": not bad, "checks": [each._asdict() for each in checks]})
    else:
        for each in checks:
            console.out(f"{each.state:<9}{each.what:<12}{each.found}")
            if each.mend:
                console.out(f"{'':9}{'':12}{each.mend}")
    if bad:
        raise RunFailed(f"{', '.join(bad)}: wrong. Mend it as said there, then type: dlrun doctor")


def all_checks(online: bool) -> Iterator[Check]:
    looks: list[Look] = [*LOOKS, partial(addresses, online)]
    for look in looks:
        try:
            yield from look()
        except DlrunError as error:  # of a variable that names no folder
            yield Check(getattr(look, "__name__", "mirrors"), "wrong", str(error), "export DLRUN_DATA=FOLDER")


# what is installed


def python() -> Iterator[Check]:
    found = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    if sys.version_info < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        yield Check("python", "wrong", f"{found}; {wanted} or newer is needed", f"python{wanted} -m venv .venv")
    else:
        yield Check("python", "ok", found)


def needed() -> tuple[list[str], list[str]]:
    """What dlrun requires, and what its extras do: a checkout's own word counts, which may be newer."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    if project.is_file():
        said = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if said.get("name") == "dlrun":
            extras = said.get("optional-dependencies", {})
            return said["dependencies"], [each for name, group in extras.items() if name != "dev" for each in group]
    wanted = requires("dlrun") or []
    parts = [(each.partition(";")[0].strip(), each.partition(";")[2]) for each in wanted]
    extra = [text for text, when in parts if "extra" in when and "dev" not in when]
    return [text for text, when in parts if "extra" not in when], extra


def packages() -> Iterator[Check]:
    """Those that are needed, against their ranges; those of extras count where they are there."""
    from packaging.requirements import Requirement

    try:
        required, extras = needed()
    except PackageNotFoundError:
        yield Check("packages", "wrong", "dlrun is not installed", "pip install -e .")
        return
    wrong, absent, seen = [], [], 0
    for text in dict.fromkeys([*required, *extras]):
        each = Requirement(text)
        try:
            there = version(each.name)
        except PackageNotFoundError:
            if text in required:
                wrong.append((each, "is missing"))
            else:
                absent.append(each.name)
            continue
        seen += 1
        if not each.specifier.contains(there, prereleases=True):
            wrong.append((each, f"is {there}"))
    if wrong:
        said = "; ".join(f"{each.name} {what}, {each.specifier or 'any version'} is needed" for each, what in wrong)
        names = " ".join(quoted(f"{each.name}{each.specifier}") for each, _ in wrong)
        yield Check("packages", "wrong", said, f"pip install {names}")
    else:
        without = f"; extras that are missing: {', '.join(sorted(absent))}" if absent else ""
        yield Check("packages", "ok", f"dlrun {__version__} and {seen} others within their ranges{without}")


def torch_and_gpu() -> Iterator[Check]:
    try:
        import torch
    except (ImportError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        yield Check("torch", "wrong", f"it can't be imported: {reason}", "pip install --force-reinstall torch")
        return
    hip = getattr(torch.version, "hip", None)
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else f"ROCm {hip}" if hip else "CPU"
    yield Check("torch", "ok", f"{torch.__version__}, built for {build}")
    cards = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    nvidia = bool(glob.glob("/dev/nvidia[0-9]*"))
    if cards:
        yield Check("gpu", "ok", ", ".join(f"{card.name}, {card.total_memory / 1e9:.3g} GB" for card in cards))
    elif torch.backends.mps.is_available():
        yield Check("gpu", "ok", "Apple's, by MPS")
    elif nvidia and not torch.version.cuda:
        mend = "install a build of torch for CUDA, as pytorch.org says under Get started"
        yield Check("gpu", "warning", "there is one of NVIDIA's, and this torch is built for CPUs alone", mend)
    elif nvidia and os.environ.get("CUDA_VISIBLE_DEVICES") is None:
        found = f"there is one of NVIDIA's, and torch for {build} can't use it: the driver may be too old"
        yield Check("gpu", "warning", found, "nvidia-smi")
    else:
        yield Check("gpu", "ok", "none that torch can use: runs take the CPU")
    yield threads(torch.get_num_threads())


# the machine


def cores() -> int:
    """That this process may use, a container's limit counted in."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(Path("/sys/fs/cgroup"))
    return there if quota is None else min(there, max(1, math.ceil(quota)))


def cpu_quota(root: Path) -> float | None:
    """How many cores a control group grants; None: no such limit."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            words = [word for name in names for word in (root / name).read_text().split()]
            most, period = words[:2]
            return int(most) / int(period) if most.isdigit() else None
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return None


def threads(used: int) -> Check:
    there, asked = cores(), os.environ.get("OMP_NUM_THREADS")
    said = f"{used} of {amount(there, 'core')}" + (f", OMP_NUM_THREADS={asked}" if asked else "")
    if used > there:
        return Check("threads", "warning", f"{said}: more threads than cores slow each other", omp(there))
    if asked is not None and not asked.split(",")[0].strip().isdigit():
        return Check("threads", "warning", f"{said}, which is no number", omp(there))
    return Check("threads", "ok", said)


def omp(there: int) -> str:
    return f"export OMP_NUM_THREADS={there}"


def memory_left() -> Iterator[Check]:
    try:
        from dlrun import memory
    except (ImportError, OSError):  # of torch, which its own line says
        return
    left = memory.available()
    if left is None:
        yield Check("memory", "ok", "nothing here says how much")
    elif left < LITTLE_MEMORY:
        mend = "end other programs, or lower batch_size and the model's sizes; --dry-run says what a run takes"
        yield Check("memory", "warning", f"{left / 1e9:.3g} GB can be had", mend)
    else:
        yield Check("memory", "ok", f"{left / 1e9:.3g} GB can be had")


def disks() -> Iterator[Check]:
    yield disk("outputs", OUTPUTS.absolute(), "type folder=PATH for another place, or start dlrun in another folder")
    yield disk("data", download.data_root().absolute(), "export DLRUN_DATA=FOLDER")


def disk(what: str, folder: Path, mend: str) -> Check:
    """Whether a folder can be written, or made, and how much room there is."""
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"\0" * 4096)
            file.flush()
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Check(what, "wrong", f"{folder} can't be written: {error.strerror or error}", mend)
    said = f"{folder}, {free / 1e9:.3g} GB free"
    return Check(what, "warning", said, mend) if free < LITTLE_DISK else Check(what, "ok", said)


def terminal() -> Iterator[Check]:
    encoding = (getattr(sys.stdout, "encoding", None) or "none").lower()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    said = f"{amount(width, 'column') if width else 'no terminal'}, {encoding}"
    if encoding.replace("-", "") != "utf8":
        yield Check("terminal", "warning", f"{said}: other letters become ?", "export PYTHONUTF8=1")
    elif width is not None and width < NARROW:
        yield Check("terminal", "warning", f"{said}: tables leave columns out", "make the window wider")
    else:
        yield Check("terminal", "ok", said)


def completion() -> Iterator[Check]:
    shell = Path(os.environ.get("SHELL", "bash")).name
    shell = shell if shell in SHELLS else "bash"
    line = f'eval "$(dlrun -sc install={shell})"' if shell != "fish" else "dlrun -sc install=fish | source"
    for name in SHELLS[shell]:
        try:
            if "dlrun -sc install" in (Path.home() / name).read_text(encoding="utf-8", errors="replace"):
                yield Check("completion", "ok", f"installed in ~/{name}")
                return
        except (OSError, RuntimeError):
            continue
    yield Check("completion", "ok", f"not installed; this line in ~/{SHELLS[shell][0]} does it:", line)


# data


def datasets() -> Iterator[Check]:
    states: dict[str, list[str]] = {}
    for name, (folder, table) in file_tables().items():
        states.setdefault(download.status(folder, table), []).append(name)
    said = "; ".join(f"{state}: {', '.join(names)}" for state, names in sorted(states.items(), reverse=True))
    if damaged := states.get("damaged"):
        yield Check("datasets", "wrong", said, command("fetch", *damaged))
    else:
        missing = states.get("missing")
        yield Check("datasets", "ok", f"{said}{' (got when a run needs them)' if missing else ''}")


def addresses(online: bool) -> Iterator[Check]:
    """Mirrors that are set; with `online` the hosts of the datasets too."""
    mirrors = download.mirrors()
    absent = {name: "there is no such folder" for name in mirrors if not transport.is_web(name) and not is_folder(name)}
    down = transport.unreachable(mirrors)
    absent |= {name: down[transport.host(name)] for name in mirrors if transport.host(name) in down}
    if absent:
        said = "; ".join(f"{name}: {why}" for name, why in absent.items())
        yield Check("mirrors", "warning", said, "export DLRUN_MIRRORS=FOLDER-OR-URL, or unset DLRUN_MIRRORS")
    elif mirrors:
        yield Check("mirrors", "ok", ", ".join(mirrors))
    if not online:
        return
    urls = [url for _, table in file_tables().values() for entry in table.values() for url in entry.get("urls", [])]
    hosts = {transport.host(url) for url in urls}
    if down := transport.unreachable(urls):
        said = "; ".join(f"{name}: {why}" for name, why in sorted(down.items()))
        mend = "export DLRUN_MIRRORS=FOLDER-OR-URL, or stand_in=always for made-up data"
        yield Check("network", "warning", f"no answer from {len(down)} of {amount(len(hosts), 'host')}: {said}", mend)
    else:
        yield Check("network", "ok", f"all {len(hosts)} hosts of the datasets answer")


def is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):
        return False


LOOKS: list[Look] = [python, packages, torch_and_gpu, memory_left, disks, datasets, terminal]
LOOKS += [completion]
