"""Predicted numbers by group: their means, their errors, their distributions."""
