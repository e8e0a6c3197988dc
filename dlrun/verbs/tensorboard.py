"""`dlrun tensorboard [DIR]`: serves TensorBoard over outputs/, to this machine alone unless --host says otherwise."""

import errno
import os
import signal
import socket
import threading
from contextlib import suppress
from itertools import islice
from pathlib import Path

from dlrun import console
from dlrun.config.outputs import OUTPUTS
from dlrun.errors import UserError
from dlrun.run.folder import find_runs
from dlrun.verbs.parser import a_folder, between, verb

TICKED = 40  # TensorBoard's own limit


def run(argv: list[str]) -> None:
    parser = verb("tensorboard", "Serves TensorBoard; Ctrl-C ends it.", run=False)
    parser.add_argument("folder", nargs="?", type=a_folder, default=str(OUTPUTS), metavar="DIR")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: whoever reaches this machine sees the runs")
    parser.add_argument("--port", type=between(0, 65535), default=6006, help="0: any free one")
    arguments = parser.parse_args(argv)
    folder = Path(arguments.folder)
    if not os.path.isdir(folder):
        raise UserError(f"{folder} does not exist. Train something first: dlrun model=lstm")
    url = serve(folder, arguments.host, arguments.port)
    if len(list(islice(find_runs([folder]), TICKED + 1))) > TICKED:
        console.say(f"of more than {TICKED} runs TensorBoard ticks none: tick the box above the list of runs")
    console.say(f"serving {folder} at {url} (Ctrl-C ends it)")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # here Ctrl-C is the way to end, no interruption
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def serve(folder: Path, host: str, port: int) -> str:
    """Starts it in a thread; its address. In a process of its own it would import what lies in the working folder."""
    refuse_taken(host, port)
    import tensorboard_data_server
    from tensorboard import program

    board = program.TensorBoard()
    # "auto" does the same and prints four lines about it; "true" ends the program where there is no such server.
    fast = "true" if tensorboard_data_server.server_binary() else "false"
    board.configure(logdir=str(folder), host=host, port=port, load_fast=fast)
    return str(board.launch())


def refuse_taken(host: str, port: int) -> None:
    """UserError where it can't be served: TensorBoard's web server prints half a message and ends the program."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"Port {port} is in use, maybe by another TensorBoard. --port 0 takes a free one."
            ) from error
        reason = (error.strerror or str(error)).partition(" (")[0]
        raise UserError(
            f"It can't be served at {host}, port {port}: {reason}. Type another --host or --port."
        ) from error
