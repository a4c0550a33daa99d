"""What fairness costs: all methods side by side on held-out rows, and models that are equally accurate."""
