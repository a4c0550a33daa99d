"""Checks of bias in the data themselves: who is in them, what their labels and features mean for whom."""
