"""Layers and features that several models share."""
