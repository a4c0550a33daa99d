"""Estimates, intervals and tests. Pure functions on counts and sums; needs core, numpy and scipy.special only."""
