"""Tables of counts published with noise: which tables, counted how, and what they cost."""
