"""Binned scores by group: calibration error and distances between distributions."""
