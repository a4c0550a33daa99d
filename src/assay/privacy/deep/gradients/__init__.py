"""Gradients of a batch, example by example, and their clipped sum."""
