"""The commit that a folder is at, read from git's plain files.

`git` itself is never run: a repository's own config may name programs that `git status` then starts (core.fsmonitor,
filters), and the working folder may be one that somebody sent. So whether files were changed is not known either.
"""

import re
from pathlib import Path

from dlrun.store import kept

SMALL, PACKED = 4096, 64 << 20  # bytes of HEAD and its like, and of packed-refs
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
BRANCH = re.compile(r"ref: (refs/heads/([\w./+@-]+))")


def state(folder: Path) -> dict[str, str | None] | None:
    """{"commit": ..., "branch": ...} of the repository around a folder; None outside of git, or before a commit."""
    for each in (folder, *folder.parents):
        if (each / ".git").exists():
            try:
                return head(each / ".git")
            except (kept.Unreadable, ValueError):
                return None
    return None


def head(git: Path) -> dict[str, str | None] | None:
    if git.is_file():  # of a worktree or a submodule: it says where the rest lies
        said = text(git.parent, ".git").removeprefix("gitdir: ")
        git = git.parent / said
    found = text(git, "HEAD")
    if COMMIT.fullmatch(found):
        return {"commit": found, "branch": None}
    on_branch = BRANCH.fullmatch(found)
    if not on_branch or ".." in found:
        return None
    try:
        shared = git / text(git, "commondir")  # a worktree's branches lie with the main one's
    except kept.Missing:
        shared = git
    commit = commit_of(shared, on_branch[1])
    return {"commit": commit, "branch": on_branch[2]} if commit else None


def commit_of(git: Path, ref: str) -> str | None:
    try:
        found = text(git, ref)
    except kept.Missing:
        try:
            packed = kept.read(git, "packed-refs", PACKED).decode(errors="replace")
        except kept.Missing:
            return None
        found = next((line.split()[0] for line in packed.splitlines() if line.endswith(f" {ref}")), "")
    return found if COMMIT.fullmatch(found) else None


def text(folder: Path, name: str) -> str:
    return kept.read(folder, name, SMALL).decode().strip()
