"""The checks of the area, one a file; a new one appears by itself."""
