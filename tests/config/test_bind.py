"""Values of YAML against the types of a constructor."""

from typing import Any

from dlrun.config import bind


def test_an_option_of_any_type_takes_every_value() -> None:
    def load(*, seen: Any) -> None: ...

    for value in (None, 3, "word", [1, "b"], {"a": 1}):
        assert bind.make_spec("data", {"seen": value}, load).options == {"seen": value}
