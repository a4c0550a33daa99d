"""Columns of mixed tables: their kinds, their quantiles, what they tell about the group."""
