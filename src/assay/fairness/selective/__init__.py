"""Rates where the outcome is known only for some rows: what they can be, and what a randomised slice says."""
