"""A table of houses, for whoever asks for it."""

from own_files import houses  # noqa: F401
