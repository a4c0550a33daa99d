"""Attacks on models, one a file."""
