"""From what is typed to checked parts: Hydra, conf/, the star rule."""
