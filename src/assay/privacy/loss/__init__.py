"""How much privacy a release costs: amounts, adjacency, events, and what they add up to."""
