"""The Shapley values of sums of trees, exactly, from their arrays."""
