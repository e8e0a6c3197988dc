"""A sweep's folder: its name, its jobs, how each ended; and what a stranger's may say."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dlrun.config import outputs
from dlrun.errors import UserError
from dlrun.store.kept import Unreadable
from dlrun.sweep.folder import Job, SweepDir, common, trained_on_the_same, with_known_files

Ended = Callable[..., tuple[SweepDir, list[Job]]]


def test_sweeps_of_the_same_second_have_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = staticmethod(lambda: datetime(2026, 11, 21, 14, 3, 12))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(outputs, "datetime", Clock)
    facts: dict[str, Any] = {"kind": "grid", "launcher": {}, "workers": {}}
    made = [SweepDir.create(outputs.new_folder("sweep"), facts | {"command": [str(number)]}) for number in range(3)]
    day = Path("outputs/2026-11-21")
    assert [sweep.path for sweep in made] == [day / f"14-03-12-sweep{end}" for end in ("", "-2", "-3")]
    assert [sweep.facts()["command"] for sweep in made] == [["0"], ["1"], ["2"]]


def test_a_second_process_may_not_work_on_the_same_sweep(ended: Ended) -> None:
    sweep, _ = ended({})
    with sweep.working(), pytest.raises(UserError, match="^s is in use: another dlrun works on this sweep.$"):
        SweepDir.open(Path("s")).working().__enter__()
    with SweepDir.open(Path("s")).working():
        pass


def test_jobs_are_those_of_whole_lines_wherever_the_sweep_lies_now(ended: Ended) -> None:
    sweep, jobs = ended({"optim.lr=1": 0.5, "optim.lr=2": ""})
    with open("s/jobs.jsonl", "a") as file:
        file.write('{"number": 2, "overr')  # a kill in mid-write
    assert sweep.jobs() == jobs and [job.run.path for job in jobs] == [Path("s/0-linear-ptb"), Path("s/1-linear-ptb")]
    Path("s").rename("moved")
    moved = SweepDir.open(Path("moved")).jobs()
    assert [job.run.path for job in moved] == [Path("moved/0-linear-ptb"), Path("moved/1-linear-ptb")]
    assert moved[0].run.read_summary()["goal"]["best"] == 0.5


@pytest.mark.parametrize("more", [1, 2])
def test_jobs_that_are_added_after_a_kill_in_mid_write_are_whole(more: int, ended: Ended) -> None:
    sweep, jobs = ended({"optim.lr=1": 0.5})
    with open("s/jobs.jsonl", "a") as file:
        file.write('{"number": 1, "overr')
    added = [
        replace(jobs[0], number=n, config={**jobs[0].config, "folder": f"s/{n}-linear"}) for n in range(1, 1 + more)
    ]
    sweep.add(added)
    assert sweep.jobs() == [*jobs, *added]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"folder": "s/1-other", "choices": {}}}, "1-other is no folder of this sweep"),
        ({"config": {"folder": "..", "choices": {}}}, r"\.\. is no folder of this sweep"),
        ({"config": {"folder": "s/0-link", "choices": {}}}, "0-link is no folder of this sweep"),
        ({"config": {"folder": "s/0-file", "choices": {}}}, "0-file is no folder of this sweep"),
        ({"config": {"seed": 0}}, "the config is not a run's"),
        ({"number": -1}, "number: expected `?int"),
        ({"overrides": "all"}, "overrides: expected array"),
    ],
)
def test_a_line_that_can_not_be_one_of_this_sweeps_jobs_is_named(
    change: dict[str, object], message: str, ended: Ended
) -> None:
    sweep, _ = ended({"optim.lr=1": ""})
    Path("s/0-link").symlink_to("..")
    Path("s/0-file").touch()
    record = json.loads(Path("s/jobs.jsonl").read_text())
    Path("s/jobs.jsonl").write_text(json.dumps(record | change) + "\n")
    with pytest.raises(Unreadable, match=f"^s/jobs.jsonl, line 1, can't be read: {message}"):
        sweep.jobs()


def test_a_job_that_was_killed_says_so_and_how_one_ended_stays(ended: Ended) -> None:
    sweep, (waiting, done) = ended({"optim.lr=1": "", "optim.lr=2": 0.5})
    assert [sweep.status(job) for job in (waiting, done)] == ["waiting", "completed"]
    sweep.note_failure(waiting, "killed by SIGKILL")
    sweep.note_failure(done, "killed by SIGKILL")
    summary = waiting.run.read_summary()
    assert (summary["status"], summary["error"]) == ("failed", "killed by SIGKILL")
    assert summary["overrides"] == ["optim.lr=1"] and waiting.run.read_config() == waiting.config
    assert (sweep.row(done)["status"], sweep.row(done)["error"]) == ("completed", None)
    done.run.write_summary({"status": "running"})
    assert SweepDir(sweep.path).status(done) == "interrupted"  # nobody trains there
    Path("s/1-linear-ptb/summary.json").write_text("{")
    unreadable = SweepDir(sweep.path).row(done)
    assert unreadable["status"] == "failed" and "s/1-linear-ptb/summary.json can't be read" in str(unreadable["error"])


def test_what_all_jobs_share() -> None:
    jobs = [Job(number, ["model=lstm", f"seed={number}", "batch_size=8"], {}) for number in range(2)]
    assert common(jobs) == ["model=lstm", "batch_size=8"] and common(jobs[:1]) == common([]) == []


def test_a_saved_sweep_reads_a_file_of_the_users_only_where_a_run_of_it_says_which(ended: Ended) -> None:
    """Whoever sends a sweep could name any file in it."""
    sweep, (done, waiting) = ended({"optim.lr=1": 0.5, "optim.lr=2": ""})
    for job in (done, waiting):
        job.config["data"] = {"_target_": "some.load", "path": "/home/me/diary.csv"}
    done.run.write_config(done.config)
    with pytest.raises(UserError, match="^s names /home/me/diary.csv, and none of its runs says which file that was"):
        with_known_files([waiting])
    done.run.write_summary({"status": "completed", "data": {"sha256": {"diary.csv": "ab"}}})
    assert with_known_files([done, waiting]) == [done, waiting]
    found = trained_on_the_same(waiting)
    assert found is not None and found.path == done.run.path
    waiting.config["data"]["path"] = "/etc/passwd"
    with pytest.raises(UserError, match="names /etc/passwd"):
        with_known_files([done, waiting])
