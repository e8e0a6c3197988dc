"""Ways out: a trained model as a file that other programs run, with an example that shows how."""
