"""Benchmarks and simulations of the fairness part."""
