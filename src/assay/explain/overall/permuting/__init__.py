"""What permutation importance is made of: labelled rows, losses, columns that belong together, donors, error bars."""
