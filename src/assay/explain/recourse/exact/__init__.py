"""The cheapest way to another answer, proven: by branch and bound over cells, and by mixed-integer programs."""
