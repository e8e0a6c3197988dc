"""Sweeps: many runs from one command line, in one folder, on all workers; resumable, with a leaderboard."""
