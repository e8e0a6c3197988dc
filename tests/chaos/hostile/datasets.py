# ruff: noqa: E501 - tables: an attack a line
"""A data section of the stranger's own: names that climb, files of his, addresses that are none."""

import hashlib
from typing import Any

from chaos.hostile.mutate import Case, both, config, text

PAYLOAD = b"touch PWNED\n"
ENTRY = {"sha256": [hashlib.sha256(PAYLOAD).hexdigest()], "urls": ["stranger/payload"]}


def airfoil(data: dict[str, Any] | None = None, **top: Any) -> Any:
    """The stranger's run is of airfoil; its files are his."""
    node = {"_target_": "dlrun.data.airfoil.load", "split": "random", "val": 0.1, "test": 0.1, "seed": 0}
    named = {"data": node | {"name": "airfoil", "files": {"x.dat": ENTRY}} | (data or {}), "choices.data": "airfoil"}
    return both(text("payload", PAYLOAD), config(named | top))


def data() -> list[Case]:
    names = [
        "../../..",
        "..",
        ".",
        "",
        "../home",
        "@HOME@",
        "@HOME@/.ssh",
        "@CWD@/other/run",
        "prepared",
        "a/b",
        "~",
        "/",
    ]
    names += [
        "stand-in/jaychou_lyrics-1",
        "airfoil/../../home",
        "x\0y",
        "x" * 5_000,
        "\x1b[2J",
        "nosuch",
        ".digests.json",
    ]
    cases = [
        Case(
            f"data.name {place}",
            airfoil({"name": name, "files": {".bashrc": ENTRY, "authorized_keys": ENTRY}}),
            ("eval",),
        )
        for place, name in enumerate(names)
    ]
    cases += [  # type: ignore[var-annotated]
        Case(
            f"data.name {place} always stands in",
            airfoil({"name": name}, stand_in="always"),
            ("eval", "resume", "rerun"),
        )
        for place, name in enumerate([*names, None, 5, [], {}])
    ]
    files: list[Any] = [
        {"../../home/.bashrc": ENTRY}, {"@HOME@/.bashrc": ENTRY}, {"a/b": ENTRY}, {"": ENTRY}, {".": ENTRY}, {5: ENTRY},
        {"x\0": ENTRY}, {".digests.json": ENTRY}, {".lock": ENTRY}, {"x": None}, {"x": []}, {"x": "y"}, {}, None, 5, ["x"],
        {"x": {"sha256": 5, "urls": 5}}, {"x": {"sha256": None}}, {"x": {"sha256": [{}], "urls": [{}]}},
        {f"file{number}": ENTRY for number in range(3_000)},
    ]  # fmt: skip
    cases += [Case(f"data.files {place}", airfoil({"files": each}), ("eval",)) for place, each in enumerate(files)]
    urls = ["/dev/zero", "/etc/passwd", "file:///etc/passwd", "/proc/self/environ", "stranger/fifo", "file:///dev/zero"]
    urls += [
        "http://127.0.0.1:9/x",
        "ftp://127.0.0.1:9/x",
        "http://[",
        "gopher://x",
        "",
        "\x1b]0;x\x07",
        "@HOME@/.bashrc",
    ]
    cases += [
        Case(f"address {place}", airfoil({"files": {"airfoil_self_noise.dat": ENTRY | {"urls": [url]}}}), ("eval",))
        for place, url in enumerate(urls)
    ]
    writers = ("airfoil", "ptb", "fr_en", "fra_eng", "imdb", "jaychou_lyrics", "fashion_mnist")
    for name in writers:
        node = {"_target_": f"dlrun.data.{name}.write_stand_in", "files": {}, "name": "../cwd/photos"}
        cases.append(Case(f"data is {name}.write_stand_in", config({"data": node}), ("eval", "rerun")))
    tensors = {"files": {"ptb.pt": ENTRY}, "name": "prepared"}
    cases.append(Case("data in the place of prepared tensors", airfoil(tensors), ("eval", "resume", "rerun")))
    return cases


GROUPS = {"data": data}
