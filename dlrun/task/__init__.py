"""What we ask of the data: batches, a loss, a report. One file and one YAML a task."""
