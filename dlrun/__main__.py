"""`python -m dlrun` and `torchrun -m dlrun`."""

from dlrun.cli import main

main()
