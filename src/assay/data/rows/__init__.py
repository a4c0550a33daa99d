"""Where the rows are, and how they are counted there: numpy in memory, DuckDB for files, a warehouse through Ibis."""
