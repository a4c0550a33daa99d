"""Public schemas of tables, and tables as the numbers that private training reads."""
