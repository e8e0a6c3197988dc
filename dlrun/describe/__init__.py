"""What a dataset holds, looked at before anything trains: a record of plain values, and how it is shown."""
