"""Which measures of fairness cannot hold together, on the numbers of one case."""
