"""A saved run, opened again: its config is checked, and its data are those that it was trained on."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dlrun.config import compose
from dlrun.config.assemble import Components, RunSpec
from dlrun.errors import UserError
from dlrun.files import own
from dlrun.run import saved
from dlrun.run.folder import RunDir


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDir:
    """A run of before its first step."""
    monkeypatch.chdir(tmp_path)
    made = RunDir.create(Path("run"))
    made.write_config(compose.Composer(compose.read(["model=mlp", "data=airfoil", "folder=run"])).one().config)
    return made


def test_it_is_checked_as_it_stands(run: RunDir) -> None:
    spec = saved.open_spec(run, overrides={"trainer.epochs": 7, "model.hidden": [3]})
    assert spec.settings.epochs == 7 and spec.model.options["hidden"] == [3]
    with pytest.raises(UserError, match="^trainer.epochs=0: it must be at least 1.$"):
        saved.open_spec(run, overrides={"trainer.epochs": 0})


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("trainer.epoch", "The run has no key trainer.epoch. Did you mean epochs"),
        ("trianer.epochs", "The run has no key trianer.epochs. "),
        ("seed.first", "The run has no key seed.first. "),
        ("task.shift", "task.shift is now task.random_shift. Type task.random_shift=…"),
        ("optim", "optim is a group of keys. Type one of them: optim._target_=…, optim.lr=…"),
    ],
)
def test_a_key_that_it_does_not_have_is_never_ignored(key: str, said: str, run: RunDir) -> None:
    config = dict(run.read_config())
    with pytest.raises(UserError) as caught:
        saved.set_key(config, key, 1)
    assert str(caught.value).startswith(said) and config == run.read_config()


def test_a_config_that_lacks_what_every_run_has(run: RunDir) -> None:
    config = dict(run.read_config())
    del config["optim"], config["init"]  # of which the second came later, and is filled in
    run.write_config(config)
    with pytest.raises(UserError, match="^run/config.yaml has no optim: it is not a run's config of this dlrun.$"):
        saved.open_spec(run)


def test_what_a_newer_dlrun_wrote_is_said_to_be_so(run: RunDir) -> None:
    run.write_config(run.read_config() | {"hologram": {}})
    with pytest.raises(UserError, match="^There is no key hologram. [^I]*$"):
        saved.open_spec(run)
    run.write_summary({"versions": {"dlrun": "99.0.0"}})
    with pytest.raises(UserError, match="hologram.* The run was made with dlrun 99.0.0, and this is dlrun .*: update"):
        saved.open_spec(run)


def test_without_a_checkpoint_it_answers_nothing(run: RunDir) -> None:
    with pytest.raises(UserError, match="^run has no checkpoint best.pt yet. Train it further: dlrun resume run$"):
        saved.open_components(run)


# data


def parts(own_files: dict[str, str], facts: dict[str, str]) -> Components:
    found = SimpleNamespace(data=SimpleNamespace(sha256=own_files), data_facts={"sha256": facts})
    return cast(Components, found)


def test_other_files_of_upstreams_are_warned_of(run: RunDir, capfd: pytest.CaptureFixture[str]) -> None:
    run.write_summary({"data": {"sha256": {"a.csv": "old"}}})
    saved.check_data(run, parts({}, {"a.csv": "old"}))
    assert capfd.readouterr().err == ""
    saved.check_data(run, parts({}, {"a.csv": "new"}))
    assert "warning: the data files are not the ones this run was trained on: their digests differ" in (
        capfd.readouterr().err
    )


def test_other_files_of_the_users_own_are_refused_unless_they_were_typed(
    run: RunDir, capfd: pytest.CaptureFixture[str]
) -> None:
    """By their content: a file that has moved is the same."""
    run.write_summary({"data": {"sha256": {"a.csv": "old"}}})
    saved.check_data(run, parts({"moved.csv": "old"}, {"a.csv": "old"}))
    with pytest.raises(UserError, match="^a.csv is not the file that run was trained on: its digest differs. If it is"):
        saved.check_data(run, parts({"a.csv": "new"}, {"a.csv": "new"}))
    saved.check_data(run, parts({"a.csv": "new"}, {"a.csv": "new"}), typed=["data.path"])
    assert "their digests differ" in capfd.readouterr().err
    Path("run/summary.json").write_text("{")
    with pytest.raises(UserError, match="is not the file"):
        saved.check_data(run, parts({"a.csv": "old"}, {"a.csv": "old"}))  # nothing says what it was


def test_of_another_file_no_message_quotes_what_is_in_it(run: RunDir) -> None:
    """A config may name any file here, and readers name columns and values."""
    Path("diary.csv").write_text("my secret\n1\n")
    spec = cast(RunSpec, SimpleNamespace(config={"data": {"path": "diary.csv"}}))

    def read(**typed: Any) -> str:
        with pytest.raises(UserError) as caught, saved.silent_on_others(run, spec, **typed):
            raise UserError("There is no column x. Possible: my secret.")
        return str(caught.value)

    assert read().startswith("diary.csv is not the file that run was trained on")
    assert read(typed=["data.path"]).endswith("Possible: my secret.")
    run.write_summary({"data": {"sha256": {"diary.csv": own.digest_of(Path("diary.csv"))}}})
    assert read().endswith("Possible: my secret.")
