"""`dlrun schema`: what it prints. What a schema says: tests/config/test_schema.py."""

import json
import subprocess
import sys

from runs import Cli


def test_the_verb(cli: Cli) -> None:
    code, out, _ = cli("schema")
    assert code == 0 and json.loads(out)["title"] == "config.yaml of a dlrun run"
    code, out, _ = cli("schema", "--group", "optim")
    assert code == 0 and "optim=adam" in json.loads(out)["$defs"]
    assert cli("schema", "--group", "modle")[2].startswith("error: There is no group modle. Did you mean model?")


def test_it_needs_no_torch() -> None:
    code = "import sys; from dlrun.verbs import schema; schema.run([]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, stdout=subprocess.DEVNULL).returncode == 0
