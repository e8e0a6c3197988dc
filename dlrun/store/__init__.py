"""Kept files: read and written safely, and what they say as typed values."""
