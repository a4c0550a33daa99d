"""Copies of a model, made from its answers."""
