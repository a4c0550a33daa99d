"""Whole tables: what becomes of each column, files read and written in batches."""
