"""The column that is suggested as the target."""

import polars as pl
import pytest

from dlrun.tabular.targets import labels, likeliest

ROWS = range(100)
NUMBER = [row * 1.5 for row in ROWS]
FEW = ["red", "green", "blue", "grey"] * 25
BINARY = [0, 1] * 50
ZIP = [f"{10_000 + row % 40}" for row in ROWS]
CODE = [f"0{row % 40}" for row in ROWS]
DATE = [f"2024-{row % 12 + 1:02}-{row % 28 + 1:02}" for row in ROWS]
ALL_DIFFERENT = [f"P{row}" for row in ROWS]
MANY = [f"word{row % 70}" for row in ROWS]


@pytest.mark.parametrize(
    ("columns", "name", "why"),
    [
        ({"price": NUMBER, "area": NUMBER, "zip": ZIP}, "price", "by its name"),
        ({"y": NUMBER, "label": BINARY, "area": NUMBER}, "label", "by its name"),  # label before y
        ({"SalePrice": NUMBER, "area": NUMBER}, "SalePrice", "by its name"),
        ({"sale_price": NUMBER, "price": NUMBER, "area": NUMBER}, "price", "by its name"),  # a whole name is more
        ({"area": NUMBER, "diameter": NUMBER}, "diameter", "as the last column"),
        ({"area": NUMBER, "colour": FEW, "zip": ZIP}, "colour", "as it has the fewest values"),
        ({"area": NUMBER, "colour": FEW, "built": DATE}, "colour", "as it has the fewest values"),
        ({"area": NUMBER, "colour": FEW, "patient": ALL_DIFFERENT}, "colour", "as it has the fewest values"),
        ({"area": NUMBER, "colour": FEW, "unit": ["m2"] * 100}, "colour", "as it has the fewest values"),
        ({"area": NUMBER, "colour": FEW, "district": CODE}, "colour", "as it has the fewest values"),
        ({"area": NUMBER, "colour": FEW, "PatientID": BINARY}, "colour", "as it has the fewest values"),
        ({"area": NUMBER, "colour": FEW, "zip code": ZIP}, "colour", "as it has the fewest values"),
        ({"area": NUMBER, "target": ["always"] * 100, "width": NUMBER}, "width", "as the last column"),
        ({"area": NUMBER, "target": [*NUMBER[:98], "odd", "odd"], "width": NUMBER}, "width", "as the last column"),
        ({"area": NUMBER, "words": MANY}, "area", "as it has the fewest values"),
    ],
)
def test_by_its_name_or_place_or_values(columns: dict[str, list], name: str, why: str) -> None:
    assert likeliest(pl.DataFrame(columns, strict=False)) == (name, why)


def test_none_is_likely_where_none_would_do() -> None:
    assert likeliest(pl.DataFrame({"id": BINARY, "zip": ZIP, "built": DATE, "unit": ["m2"] * 100})) is None


def test_what_is_suggested_can_be_typed() -> None:
    said = [str(likeliest(pl.DataFrame({"area": NUMBER, name: BINARY}))) for name in ("sold", "sold at", "sold (y/n)")]
    assert [each.partition(" (the")[0] for each in said] == [
        "data.target=sold",
        "'data.target=sold at'",
        """'data.target="sold (y/n)"'""",
    ]


def test_labels_are_columns_of_classes() -> None:
    frame = pl.DataFrame({"author": ALL_DIFFERENT, "colour": FEW, "price": NUMBER, "stars": BINARY, "zip": ZIP})
    assert labels(frame, {"colour"}) == ["stars"] and labels(frame, set()) == ["stars", "colour"]
