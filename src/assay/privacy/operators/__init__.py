"""What is written where an identifier stood, one operator a file."""
