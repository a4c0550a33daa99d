"""Identifiers in texts and columns: where they are, and texts in which something else stands for them."""
