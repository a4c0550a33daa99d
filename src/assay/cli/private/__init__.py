"""Flags of audits that are published with differential privacy."""
