"""The commit that a folder is at, read from git's plain files."""

import subprocess
from pathlib import Path

import pytest
from runs import Cli, Run

from dlrun.run import git

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_git_is_read_and_never_run(cli: Cli, tmp_path: Path) -> None:
    """A repository's own config may name programs that `git status` would start."""

    def run(*words: str) -> str:
        made = ["git", "-c", "user.name=a", "-c", "user.email=a@a", *words]
        return subprocess.run(made, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    run("init", "-q", "-b", "main", ".")
    assert git.state(tmp_path) is None
    run("commit", "-q", "--allow-empty", "-m", "first")
    commit = run("rev-parse", "HEAD")
    hook = tmp_path / "hook.sh"
    hook.write_text("#!/bin/sh\ntouch PWNED\n")
    hook.chmod(0o755)
    run("config", "core.fsmonitor", "./hook.sh")
    assert cli("trainer.max_steps=1", "folder=r")[0] == 0
    summary = Run("r").summary
    assert summary["git"] == {"commit": commit, "branch": "main"}
    assert not (tmp_path / "PWNED").exists()
    run("config", "--unset", "core.fsmonitor")
    run("pack-refs", "--all")
    assert git.state(tmp_path / "r") == {"commit": commit, "branch": "main"}
    run("worktree", "add", "-q", "-b", "other", "tree")
    assert git.state(tmp_path / "tree") == {"commit": commit, "branch": "other"}
    run("checkout", "-q", "--detach")
    assert git.state(tmp_path) == {"commit": commit, "branch": None}


@pytest.mark.parametrize(
    ("head", "files", "expected"),
    [
        (COMMIT, {}, {"commit": COMMIT, "branch": None}),
        ("ref: refs/heads/a/b", {"refs/heads/a/b": COMMIT}, {"commit": COMMIT, "branch": "a/b"}),
        ("ref: refs/heads/a", {"packed-refs": f"# pack\n{COMMIT} refs/heads/a\n"}, {"commit": COMMIT, "branch": "a"}),
        ("ref: refs/heads/a", {"packed-refs": f"{COMMIT} refs/heads/x/a\n"}, None),
        ("ref: refs/heads/a", {}, None),  # before its first commit
        ("ref: refs/heads/a", {"refs/heads/a": "secret"}, None),
        ("ref: refs/heads/../../secret", {"secret": COMMIT}, None),
        ("ref: /etc/passwd", {}, None),
        ("a" * 5000, {}, None),
        ("\xff", {}, None),
    ],
)
def test_what_git_wrote_and_what_somebody_may_have(
    head: str, files: dict[str, str], expected: dict[str, str] | None, tmp_path: Path
) -> None:
    for name, text in {"HEAD": head, **files}.items():
        path = tmp_path / ".git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    (tmp_path / "below").mkdir()
    assert git.state(tmp_path) == git.state(tmp_path / "below") == expected


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "secret").write_text(COMMIT)
    (tmp_path / ".git/HEAD").symlink_to("../secret")
    assert git.state(tmp_path) is None
