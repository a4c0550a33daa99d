"""How likely people are found again: in the table, in its population, and in a population nobody has."""
