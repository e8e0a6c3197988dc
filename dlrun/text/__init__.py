"""Texts: vocabularies and word vectors."""
