"""One world for each worker; the honest runs that everything is copied from are made once for all of them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest
from chaos.hostile.world import World


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    root = Path(tempfile.mkdtemp(prefix="dlrun-hostile-"))
    made = World(root)
    bases = Path(os.environ["DLRUN_DATA"]) / "hostile-bases"  # shared by the workers, and gone after the tests
    try:
        made.ready()
        with filelock.FileLock(f"{bases}.lock"):
            if not bases.exists():
                made.make_bases(bases.with_name("hostile-unfinished"))
                bases.with_name("hostile-unfinished").rename(bases)
        made.furnish(bases)
        yield made
    finally:
        made.close()
        shutil.rmtree(root)
