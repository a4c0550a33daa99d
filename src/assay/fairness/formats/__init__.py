"""Folders that this area opens as models."""
