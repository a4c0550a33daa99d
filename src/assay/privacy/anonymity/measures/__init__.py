"""k-anonymity, l-diversity, t-closeness and their kin, of a table as it is."""
