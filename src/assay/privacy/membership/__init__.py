"""Whether a model tells who was in its training data: attacks, honestly scored."""
