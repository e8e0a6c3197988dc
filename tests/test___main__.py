"""`python -m dlrun`."""

import subprocess
import sys
from pathlib import Path


def test_what_lies_in_the_working_folder_is_no_part_of_it(tmp_path: Path) -> None:
    """Python itself looks there first, for each module that dlrun imports."""
    for name in ("filelock", "msgspec", "yaml", "rich"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    for isolated in ([], ["-P"]):
        command = [sys.executable, *isolated, "-m", "dlrun", "model=lsmt"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: There is no model lsmt. Did you mean lstm?")
    assert not (tmp_path / "ran").exists()
