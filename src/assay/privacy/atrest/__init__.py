"""Columns of Parquet and CSV files, sealed cell by cell under the keys of the subjects of the rows."""
