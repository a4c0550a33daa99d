"""Catalogue of mechanisms: one file each, with the statement it satisfies and where that is proved."""
