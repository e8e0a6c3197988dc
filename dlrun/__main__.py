"""`python -m dlrun` and `torchrun -m dlrun`."""

import sys

if not sys.flags.safe_path:
    sys.path.pop(0)  # the working folder: a socket.py that lies there is no part of dlrun

from dlrun.cli import main

main()
