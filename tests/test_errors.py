"""How a run can end badly: exit codes, messages that stay short, the nearest name."""

from pathlib import Path

import pytest

from dlrun import errors
from dlrun.errors import DlrunError, Stopped, UserError, nearest


@pytest.mark.parametrize(
    ("name", "possible", "said"),
    [
        ("lstn", ["rnn", "lstm", "gru"], "Did you mean lstm? Possible: gru, lstm, rnn."),
        ("zebra", ["rnn", "gru"], "Possible: gru, rnn."),
        ("adma", ["sgd", "adamw", "adam"], "Did you mean adam or adamw? Possible: adam, adamw, sgd."),
        ("lstm", [], "It has none."),
        ("lstn", ["lstm", *map(str, range(35))], "Did you mean lstm?"),  # a longer list hides the near one
        ("zebra", [f"{number:02}" for number in range(36)], f"Possible: {', '.join(f'{n:02}' for n in range(35))}, …."),
    ],
)
def test_the_nearest_name(name: str, possible: list[str], said: str) -> None:
    assert nearest(name, possible) == said


def test_a_message_that_quotes_a_whole_file_is_cut() -> None:
    assert str(DlrunError(f"data={'x' * 300} is no file")) == f"data={'x' * 55}… is no file"
    assert str(DlrunError("x" * 299)) == "x" * 299
    assert str(DlrunError("a word " * 1000)) == ("a word " * 1000)[:4000] + "…"


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (DlrunError("x"), 1, "failed"),
        (errors.RunFailed("x"), 1, "failed"),
        (errors.Diverged("x"), 1, "diverged"),
        (errors.Pruned("x"), 1, "pruned"),
        (UserError("x"), 2, "failed"),
        (errors.DataError("x"), 3, "failed"),
        (Stopped("x", 15), 143, "interrupted"),
    ],
)
def test_exit_code_and_status(error: DlrunError, code: int, status: str) -> None:
    assert (error.exit_code, error.status, error.folder) == (code, status, None)


def test_it_names_its_folder_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    error = errors.RunFailed("x")
    assert error.of(Path("run")) is error and error.folder == tmp_path / "run"


def test_a_format_of_later() -> None:
    for fine in (1, 0, None, "2"):  # whoever reads it says what is wrong with a word
        errors.refuse_newer("run/last.pt", fine, 1)
    with pytest.raises(UserError, match="^run/last.pt has format 2, and this dlrun reads 1: .* Update dlrun"):
        errors.refuse_newer("run/last.pt", 2, 1)
    assert errors.is_newer("0.10.0", "0.9.1") and not errors.is_newer("0.9.1", "0.9.1")
    assert errors.is_newer("1.0", "0.99.5") and not errors.is_newer("", "0.1.0")
