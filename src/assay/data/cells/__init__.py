"""The cells of Counts: exact arithmetic, shares with their effective n, and their forms as bytes and files."""
