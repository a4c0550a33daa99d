"""Recognisers of identifiers by their form, one file each: patterns, checksum, context words and examples."""
