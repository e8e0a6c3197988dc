"""Tables of the user's own: files to frames, and columns to numbers."""
