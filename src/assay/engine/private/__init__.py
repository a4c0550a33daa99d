"""Audits that are published with differential privacy."""
