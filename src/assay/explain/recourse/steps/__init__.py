"""The steps of the search: options of a row, starts, reduction, exchange, choice. All rows take each step together."""
