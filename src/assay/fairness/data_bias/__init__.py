"""Bias that is in the data before a model is fitted: what the checks on labels, features and outcomes are made of."""
