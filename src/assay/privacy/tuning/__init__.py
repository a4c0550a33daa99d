"""Choosing the settings of a private training, with the choice itself accounted or marked as not private."""
