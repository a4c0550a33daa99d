"""How well people hide in a table, and how to make one in which they do."""
