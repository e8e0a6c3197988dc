"""What a narrow terminal shows of a table and of a line: the most needed, with no word folded."""

import pytest

from dlrun.terminal.columns import fit, longest_word, shortened, taken

COLUMNS = ["run", "status", "data", "differs"]
ROWS = [
    ["outputs/day/one-lenet", "completed", "ptb", "optim.lr=0.01 model.dropout=0.1"],
    ["outputs/day/two", "failed", "ptb", "optim.lr=0.02 model.dropout=0.2"],
]
NEED = ["run", "differs", "status"]


@pytest.mark.parametrize(
    ("room", "stay"),
    [
        (200, {0: 21, 1: 9, 2: 4, 3: 31}),  # as wide as they are
        (70, {0: 21, 1: 9, 2: 4, 3: 23}),  # `differs` is folded between its words
        (60, {0: 21, 1: 9, 3: 20}),  # what is the same in all rows goes first
        (47, {0: 21, 3: 19}),  # then what is needed least
        (30, {0: 21}),
        (12, {0: 8}),  # it has to be folded anyway
    ],
)
def test_columns_that_stay_and_their_widths(room: int, stay: dict[int, int]) -> None:
    found = fit(COLUMNS, ROWS, NEED, room)
    assert found == stay and (taken(found.values()) <= room or len(found) == 1)


def test_a_column_that_nobody_needs_is_dropped_before_those_that_are_named() -> None:
    assert fit(["a", "b", "c"], [["x" * 13] * 3, ["y" * 13] * 3], ["c", "b"], 40) == {1: 13, 2: 13}


def test_wide_characters_count_twice() -> None:
    assert longest_word("想要有 直升机") == 6 and longest_word("想要 直升") == 9  # a short cell is not broken
    assert fit(["词", "n"], [["直升机", "1"]], ["词", "n"], 99) == {0: 6, 1: 1}


def test_a_line_loses_its_least_needed_parts() -> None:
    parts = ["epoch 1/3", "loss 1.2", "perplexity 3.4", "0:01"]
    assert shortened(parts, 99) == "epoch 1/3  loss 1.2  perplexity 3.4  0:01"
    assert shortened(parts, 40) == "epoch 1/3  loss 1.2  perplexity 3.4"
    assert shortened(parts, 25, at=1, keep=3) == "epoch 1/3  perplexity 3.4  0:01"  # three stay, though they don't fit
    assert shortened(parts, 5) == "epoch 1/3"
    assert shortened(["a\x1b[2J"], 99) == "a\\x1b[2J"
