"""Shapley values: how much each column added, shared out fairly; exact where the model's form allows, else sampled."""
