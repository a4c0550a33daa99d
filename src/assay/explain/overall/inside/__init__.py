"""Models that can be read: trees as rules, coefficients in the units of the data, additive terms."""
