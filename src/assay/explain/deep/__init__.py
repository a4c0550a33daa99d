"""Explanations from inside a torch network: gradients, layers, attention, concepts; extra [deep]."""
