"""Inputs that a model is most sure of."""
