"""How a file's bytes arrive: from a mirror's folder or over HTTP (httpx). Every failure is one short line."""

import errno
import os
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from urllib.parse import urlsplit

CONNECT_SECONDS = 5.0  # to one host
PROBE_SECONDS = 6.0  # to know which of all hosts can be reached: "no network" is then known well within 10 s
STALL_SECONDS = 15.0  # without a single byte, until the next address is tried
SLOW_SECONDS, SLOWEST = 60.0, 1000  # a server that sends fewer bytes a second than that for a minute is given up
REMEMBER_SECONDS = 60.0  # a host that is down is not asked again for the next file or dataset
CHUNK = 1 << 20  # bytes

_down: dict[str, tuple[float, str]] = {}  # host -> when it was found to be down, and why


class Failed(Exception):
    """Why one address does not give the file, in a few words."""


def is_web(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def chunks(address: str, limit: int) -> Iterator[tuple[bytes, int | None]]:
    """A file's bytes, each piece with the whole's size as far as it is known; Failed where that goes wrong.

    Also where there are more than `limit` of them: an endless file would fill the disk.
    """
    done = 0
    for chunk, total in web_chunks(address) if is_web(address) else folder_chunks(Path(address)):
        done += len(chunk)
        if max(done, total or 0) > limit:
            raise Failed(f"it has more than {limit:,} bytes")
        yield chunk, total


def opened(path: Path) -> BufferedReader:
    """A regular file to be read, or OSError: a FIFO or a device would be waited for, or read, for ever."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.ENXIO, "it is not a file", str(path))
    return open(handle, "rb")


def folder_chunks(path: Path) -> Iterator[tuple[bytes, int | None]]:
    """Links are followed: a mirror's folder is the user's own."""
    try:
        with opened(path) as file:
            total = os.fstat(file.fileno()).st_size
            while chunk := file.read(CHUNK):
                yield chunk, total
    except OSError as error:
        raise Failed(short(error)) from error


def web_chunks(url: str) -> Iterator[tuple[bytes, int | None]]:
    """Raw bytes as the server sends them: a decoded Content-Encoding would unpack a .gz and change its digest."""
    import httpx  # costs 0.2 s, and most loads need no network

    timeout = httpx.Timeout(STALL_SECONDS, connect=CONNECT_SECONDS)
    headers = {"Accept-Encoding": "identity"}
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=timeout, headers=headers) as response:
            if response.status_code != 200:
                raise Failed(f"the server answers {response.status_code} {response.reason_phrase}".rstrip())
            length = response.headers.get("Content-Length", "")
            started, done = time.monotonic(), 0
            for chunk in response.iter_raw():
                done += len(chunk)
                if (seconds := time.monotonic() - started) > SLOW_SECONDS and done < SLOWEST * seconds:
                    raise Failed(f"it sends {done / seconds:.0f} bytes a second")
                yield chunk, int(length) if length.isdigit() else None
    except httpx.TimeoutException as error:
        raise Failed(f"no answer within {STALL_SECONDS:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError, ImportError) as error:
        raise Failed(short(error)) from error  # ValueError, ImportError: a proxy setting that httpx can't use


def unreachable(addresses: Iterable[str]) -> dict[str, str]:
    """host -> why it can't be reached, for the hosts of `addresses` that can't; all are asked at once.

    A thread each and one deadline for all: looking up a name can block far longer than any timeout given to a socket.
    """
    urls = {host(url): url for url in addresses if is_web(url)}
    if urls:
        import httpx  # noqa: F401  # before the clock starts: twenty processes at once can take seconds for it
    now = time.monotonic()
    known = {name: why for name, (since, why) in _down.items() if name in urls and now - since < REMEMBER_SECONDS}
    answers: dict[str, str] = {}
    threads = [
        threading.Thread(target=probe, args=(name, url, answers), daemon=True)
        for name, url in urls.items()
        if name not in known
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, now + PROBE_SECONDS - time.monotonic()))
    for name in urls.keys() - known.keys():
        if why := answers.get(name, f"no answer within {PROBE_SECONDS:g} s"):
            known[name] = why
            _down[name] = (now, why)
    return known


def probe(name: str, url: str, answers: dict[str, str]) -> None:
    """Puts "" into `answers` if the host gives any answer at all (a 404 is one), otherwise why not."""
    import httpx

    try:
        httpx.head(url, timeout=CONNECT_SECONDS)
        answers[name] = ""
    except httpx.TimeoutException:
        answers[name] = f"no answer within {CONNECT_SECONDS:g} s"
    except (httpx.ConnectError, httpx.ProxyError, httpx.InvalidURL, OSError, ValueError, ImportError) as error:
        answers[name] = f"no connection ({short(error)})"
    except httpx.HTTPError:  # it does not like the question, but it is there
        answers[name] = ""


def host(url: str) -> str:
    """`https://example.org:8000` of a longer address."""
    try:
        parts = urlsplit(url)
    except ValueError:  # `http://[`: httpx says what is wrong with it
        return url
    return f"{parts.scheme}://{parts.netloc}"


def short(error: Exception) -> str:
    """An error's first line, 120 characters at most."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.strip().splitlines()[0][:120] if text.strip() else type(error).__name__
