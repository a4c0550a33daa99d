"""Privacy budgets that can be spent once: append-only, hash-chained, bound to their data."""
