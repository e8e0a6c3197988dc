"""`dlrun docs [TOPIC]`: the documentation that came with this dlrun, offline; a page, a section of it, or a search."""

import re
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from dlrun import bundled, console
from dlrun.errors import UserError, did_you_mean, nearest
from dlrun.verbs.parser import a_word, verb

FENCE = "```"
HEADING = re.compile(r"(#{1,6}) +(.+?) *#*$")
WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True)
class Section:
    """From a heading to the next one, of whatever level."""

    level: int  # of the heading; 1 is the page's own
    title: str
    anchor: str  # as in a link, `data` of `## Data`
    lines: list[str]  # the heading's line first


def run(argv: list[str]) -> None:
    parser = verb("docs", "The documentation, offline. Without a TOPIC: what there is.", run=False, json=True)
    parser.add_argument("topic", nargs="?", type=a_word, metavar="TOPIC", help="a page, or PAGE#SECTION")
    parser.add_argument("--search", nargs="+", type=a_word, metavar="WORD", help="the sections that have all words")
    arguments = parser.parse_args(argv)
    pages = all_pages()
    if arguments.search:
        some = {find(arguments.topic, pages): pages[find(arguments.topic, pages)]} if arguments.topic else pages
        show_found(search(arguments.search, some), arguments.json)
    elif arguments.topic:
        show_page(arguments.topic, pages, arguments.json)
    else:
        rows = [{"topic": topic, "title": about(pages[topic])} for topic in pages]
        if arguments.json:
            console.json_out(rows)
        else:
            console.table("documentation: dlrun docs TOPIC", ["topic", "about"], [list(row.values()) for row in rows])


def show_page(asked: str, pages: dict[str, list[Section]], as_json: bool) -> None:
    name, _, anchor = asked.partition("#")
    topic = find(name, pages)
    text = "\n".join(line for section in part(pages[topic], anchor, topic) for line in section.lines).strip("\n")
    if as_json:
        console.json_out({"topic": topic, "section": anchor or None, "text": text})
    elif not (screen := console.screen("stdout")).is_terminal:
        console.out(text)
    else:
        from rich.markdown import Markdown  # 0.1 s, which a pipe need not wait for

        screen.print(Markdown(text.encode(screen.encoding, "replace").decode(screen.encoding)))


def show_found(found: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        console.json_out(found)
    else:
        rows = [list(row.values()) for row in found]
        console.table("found: dlrun docs TOPIC", ["topic", "section", "line"], rows, need=["topic", "line", "section"])


# pages


def all_pages() -> dict[str, list[Section]]:
    """Topic -> its sections: README first, what else lies in the root, then docs/."""
    root = bundled.root()
    first = sorted(pages_of(root), key=lambda entry: (entry.name != "README.md", entry.name))
    return {
        entry.name.removesuffix(".md").lower(): sections(entry.read_text(encoding="utf-8"))
        for entry in [*first, *sorted(pages_of(root / "docs"), key=lambda entry: entry.name)]
    }


def pages_of(folder: Traversable) -> list[Traversable]:
    return [entry for entry in folder.iterdir() if entry.name.endswith(".md")] if folder.is_dir() else []


def sections(text: str) -> list[Section]:
    """A page in pieces. A `# comment` inside a block of code is no heading."""
    found, in_code = [Section(1, "", "", [])], False
    for line in text.splitlines():
        in_code ^= line.lstrip().startswith(FENCE)
        if not in_code and (heading := HEADING.match(line)):
            title = plain(heading[2])
            found.append(Section(len(heading[1]), title, slug(title), [line]))
        else:
            found[-1].lines.append(line)
    return [section for section in found if section.title or any(section.lines)]


def plain(text: str) -> str:
    """Without the marks of links, code and emphasis."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)|[*`]", r"\1", text)


def slug(title: str) -> str:
    """`Your own model, data` -> `your-own-model-data`, as links to a heading are written."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def about(page: list[Section]) -> str:
    """The title, or where that is a single word the first sentence below it."""
    title = page[0].title
    if " " in title:
        return title
    text = plain(
        " ".join(line.lstrip("> ") for line in "\n".join(page[0].lines[1:]).strip().split("\n\n")[0].split("\n"))
    )
    return re.split(r"(?<=[.:]) ", text)[0].rstrip(":") or title


def find(name: str, pages: dict[str, list[Section]]) -> str:
    """A topic as it may be typed: docs/sweeps.md, Sweeps, sweeps. UserError with the nearest where there is none."""
    topic = name.lower().removeprefix("./").removeprefix("docs/").removesuffix(".md")
    if topic not in pages:
        raise UserError(
            f"There is no page {name}. {nearest(topic, pages)} To look for a word: dlrun docs --search WORD"
        )
    return topic


def part(page: list[Section], anchor: str, topic: str) -> list[Section]:
    """A section with those below it; without an anchor the whole page. UserError with the nearest where it has none."""
    if not anchor:
        return page
    anchors = [section.anchor for section in page]
    if slug(anchor) not in anchors:
        raise UserError(f"{topic} has no section {anchor}. {nearest(slug(anchor), [each for each in anchors if each])}")
    first = anchors.index(slug(anchor))
    after = range(first + 1, len(page))
    end = next((at for at in after if page[at].level <= page[first].level), len(page))
    return page[first:end]


def search(words: list[str], pages: dict[str, list[Section]]) -> list[dict[str, str]]:
    """Sections that have all words, those with most in their heading first, each with the line of most."""
    wanted, found = [word.lower() for word in words], []

    def hits(text: str) -> int:
        return sum(word in text.lower() for word in wanted)

    for topic, page in pages.items():
        for section in page:
            if hits("\n".join([topic, *section.lines])) == len(wanted):
                line = max(section.lines[1:] or section.lines, key=hits).strip()
                where = f"{topic}#{section.anchor}" if section.level > 1 else topic
                found.append((-hits(section.title), {"topic": where, "section": section.title, "line": line}))
    if not found:
        known = {word for page in pages.values() for each in page for line in each.lines for word in WORD.findall(line)}
        missing = next((word for word in wanted if not any(word in each.lower() for each in known)), wanted[0])
        hint = did_you_mean(missing, {word.lower() for word in known})
        raise UserError(
            f"No section has {' and '.join(words)}. {hint} `dlrun docs` lists the pages.".replace("  ", " ")
        )
    return [row for _, row in sorted(found, key=lambda each: each[0])]
