"""Checks of the area, one a file."""
