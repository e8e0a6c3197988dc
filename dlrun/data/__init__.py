"""What exists: tensors in memory, splits, sizes, vocabulary. One file and one YAML a dataset."""
