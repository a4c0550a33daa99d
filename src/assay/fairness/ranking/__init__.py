"""People ranked by score: how much attention, and which places, each group gets."""
