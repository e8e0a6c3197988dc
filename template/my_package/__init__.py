"""A model and a dataset for dlrun."""
