"""Exact samplers on the integers, from the randomness of the operating system."""
