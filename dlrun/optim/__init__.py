"""Schedules and optimizers; those of torch need no Python here."""
