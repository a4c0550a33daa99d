"""Rates of several classes by group."""
