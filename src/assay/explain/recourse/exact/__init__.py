"""The cheapest way to another answer, proven: linear models by integer programming, trees by branch and bound."""
