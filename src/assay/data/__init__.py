"""Rows with roles, and the Counts that are made from them."""
