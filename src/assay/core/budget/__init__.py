"""The exact arithmetic of a privacy budget, for the store that keeps it and the area that spends it."""
