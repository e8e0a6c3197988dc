"""Pictures of the user's own: found, read, and prepared once for all runs."""
