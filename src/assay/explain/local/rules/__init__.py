"""Rules that hold a decision: their predicates, the search for them and its statistics."""
