"""Explanations of what a model made of a text."""
