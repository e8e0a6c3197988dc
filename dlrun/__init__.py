"""dlrun: a config-driven experiment runner for the command line."""

__version__ = "0.1.0"
