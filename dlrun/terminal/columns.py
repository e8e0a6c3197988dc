"""What a terminal has room for: a table drops a column before it folds a word, a line its least needed parts."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from dlrun.terminal.plain import visible


def fit(columns: Sequence[str], rows: Sequence[Sequence[str]], need: Sequence[str], room: int) -> dict[int, int]:
    """Number of each column that stays -> its width. `need`: columns, most needed first; the first one always stays.

    What is the same in all rows goes first, then what is needed least. Cells break between words alone.
    """
    least = {at: max(map(longest_word, cells)) for at, cells in enumerate(zip(columns, *rows, strict=True))}
    most = {at: max(map(cell_len, cells)) for at, cells in enumerate(zip(columns, *rows, strict=True))}
    least = {at: width if width + 4 <= room else room // 2 for at, width in least.items()}  # it is folded anyway
    order = sorted(least, key=lambda at: need.index(columns[at]) if columns[at] in need else len(need) + at)
    same = [at for at in order[1:] if len(rows) > 1 and len({row[at] for row in rows}) == 1]
    stay = list(order)
    for at in (*reversed(same), *reversed(order[1:])):
        if at in stay and taken(least[each] for each in stay) > room:
            stay.remove(at)
    for at in order:  # what was dropped for a wide one that has gone, too
        if at not in stay and taken([least[at], *(least[each] for each in stay)]) <= room:
            stay.append(at)
    stay.sort(key=order.index)
    widths = {at: least[at] for at in stay}
    for at in stay:  # what is left goes to the most needed
        widths[at] += max(0, min(most[at] - least[at], room - taken(widths.values())))
    return {at: widths[at] for at in sorted(widths)}


def taken(widths: Iterable[int]) -> int:
    """With a rule and a blank on each side."""
    widths = list(widths)
    return sum(widths) + 3 * len(widths) + 1


SHORT = 12  # columns; a cell such as `0.2 s` is not broken at all


def longest_word(text: str) -> int:
    return cell_len(text) if cell_len(text) <= SHORT else max(map(cell_len, text.split()), default=0)


def shortened(parts: Sequence[str], room: int, at: int = -1, keep: int = 1) -> str:
    """A line of as many parts as fit: the one that stands `at` goes first, then the next one there; `keep` stay."""
    left = list(map(visible, parts))
    while len(left) > keep and cell_len("  ".join(left)) > room:
        del left[at]
    return "  ".join(left)
