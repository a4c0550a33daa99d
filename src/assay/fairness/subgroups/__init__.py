"""Where a model does worst: the search behind `fairness.subgroups`, a tree of errors and a map over two columns."""
