"""Explanations around one row: local linear models (LIME) and rules (anchors)."""
