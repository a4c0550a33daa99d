"""From the rows to a few integers a key that no single unit can change by much."""
