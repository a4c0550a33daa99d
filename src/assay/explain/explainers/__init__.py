"""Explainers: every module declares one or more Parts of kind "explainer"."""
