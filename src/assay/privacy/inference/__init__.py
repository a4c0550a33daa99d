"""What a model tells of attributes, of how its training rows look, and of itself."""
