"""`dlrun docs` over the real pages: each can be read, as can each section that one of them links to."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.verbs import docs

Cli = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]


def test_without_a_topic_every_page_is_listed(cli: Cli) -> None:
    code, out, _ = cli("docs", "--json")
    listed = json.loads(out)
    assert code == 0 and {row["topic"] for row in listed} == {page.stem.lower() for page in PAGES}
    assert listed[0]["topic"] == "readme" and all(row["title"] for row in listed)
    assert "Type what you want to train" in cli("docs")[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_in_a_pipe_is_the_file(cli: Cli, page: Path) -> None:
    code, out, err = cli("docs", str(page.relative_to(ROOT)))
    assert (code, err) == (0, "") and out.strip() == page.read_text().strip()


def test_a_section_goes_to_the_next_of_its_level(cli: Cli) -> None:
    out = cli("docs", "README#Data")[1]
    assert out.startswith("## Data\n") and "$DLRUN_MIRRORS" in out and out.count("\n## ") == 0
    pieces = docs.sections("# A\n\ntext\n```\n# no heading\n```\n## B `c`\n\n### D\nmore\n## E\n")
    assert [(each.level, each.anchor) for each in pieces] == [(1, "a"), (2, "b-c"), (3, "d"), (2, "e")]
    assert [each.title for each in docs.part(pieces, "b-c", "a")] == ["B c", "D"]


def test_links_between_pages_lead_somewhere() -> None:
    pages = docs.all_pages()
    links = [
        (page, *link) for page in PAGES for link in re.findall(r"\]\(([\w./-]*\.md)?(?:#([\w-]+))?\)", page.read_text())
    ]
    assert len(links) > 5
    for page, name, anchor in links:
        topic = docs.find(Path(name or page.name).name, pages)
        assert docs.part(pages[topic], anchor, topic), f"{page.name} links to {name}#{anchor}"


def test_files_that_are_named_are_there() -> None:
    """In the pages, and in the sources: a test that has another name by now is no proof."""
    texts = [*PAGES, *(path for place in ("dlrun", "tests", "bench") for path in (ROOT / place).rglob("*.py"))]
    named = {
        (found, path.name)
        for path in texts
        if path.name != "CHANGELOG.md"
        for found in re.findall(r"(?<![\w/.])(?:tests|bench|docs|dlrun)/[\w/]+\.(?:py|md)", path.read_text())
    }
    examples = {"dlrun/verbs/NAME.py", "dlrun/verbs/goal.py", "dlrun/model/mine.py", "tests/test_flowers.py"}
    assert len(named) > 50
    assert {(name, where) for name, where in named if name not in examples and not (ROOT / name).exists()} == set()


def test_on_a_terminal_it_is_drawn() -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "PYTHONPATH": ""}
    shown = b""
    with subprocess.Popen(
        [sys.executable, "-m", "dlrun", "docs", "security"], stdout=follower, env=environment
    ) as dlrun:
        os.close(follower)
        while chunk := read(leader):
            shown += chunk
    os.close(leader)
    text = re.sub(r"\x1b\[[\d;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", shown.decode())
    assert dlrun.returncode == 0 and "\x1b[" in shown.decode()
    assert "What dlrun promises." in text and "**" not in text and "•" in text


def read(leader: int) -> bytes:
    """b"" at the end, which Linux tells by an error."""
    try:
        return os.read(leader, 65536)
    except OSError:
        return b""


def test_a_search_finds_headings_first(cli: Cli) -> None:
    code, out, _ = cli("docs", "--search", "workers", "--json")
    found = json.loads(out)
    assert code == 0 and found[0]["topic"] == "sweeps#workers" and len(found) > 1
    assert all("workers" in (row["section"] + row["line"]).lower() for row in found)
    inside = json.loads(cli("docs", "sweeps", "--search", "gpu", "workers", "--json")[1])
    assert inside and {row["topic"].partition("#")[0] for row in inside} == {"sweeps"}
    for row in found:
        assert cli("docs", row["topic"])[0] == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["sweps"], "There is no page sweps. Did you mean sweeps?"),
        (["sweeps#worker"], "sweeps has no section worker. Did you mean workers?"),
        (["../../etc/passwd"], "There is no page ../../etc/passwd."),
        (["--search", "mirors"], "No section has mirors. Did you mean mirror"),
        ([""], "dlrun docs: argument TOPIC: it is empty."),
    ],
)
def test_what_is_not_there_has_a_nearest(cli: Cli, typed: list[str], said: str) -> None:
    code, out, err = cli("docs", *typed)
    assert (code, out) == (2, "") and err.startswith(f"error: {said}")
