"""Schedules, and optimizers written out; those of torch need no Python here."""
