"""Attributes of people, guessed from a model's answers."""
