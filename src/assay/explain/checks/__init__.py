"""Checks of explanations; every module declares one or more."""
