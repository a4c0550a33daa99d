"""Concepts that a network may use: activation vectors, and the test of Kim et al. (2018)."""
