"""The model over all rows: what it leans on, what each column does, what works together, and in what rules."""
