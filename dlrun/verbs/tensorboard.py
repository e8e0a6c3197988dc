"""`dlrun tensorboard [DIR]`: serves TensorBoard over outputs/ in this Python's own installation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dlrun import console
from dlrun.errors import UserError
from dlrun.rundir import OUTPUTS
from dlrun.verbs.parser import at_least, verb


def run(argv: list[str]) -> None:
    parser = verb("tensorboard", "Serves TensorBoard; Ctrl-C ends it.", run=False)
    parser.add_argument("folder", nargs="?", default=str(OUTPUTS), metavar="DIR")
    parser.add_argument("--port", type=at_least(0), default=6006, help="0: any free one")
    arguments = parser.parse_args(argv)
    if not Path(arguments.folder).is_dir():
        raise UserError(f"{arguments.folder} does not exist. Train something first: dlrun model=lstm")
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", arguments.folder, "--port", str(arguments.port)]
    console.say(f"serving {arguments.folder}; Ctrl-C ends it")
    os.execv(command[0], command)  # this process becomes TensorBoard: no child is left behind when it is killed
