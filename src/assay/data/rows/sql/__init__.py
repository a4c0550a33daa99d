"""The same counting in SQL, written once as Ibis expressions and run by DuckDB or a warehouse."""
