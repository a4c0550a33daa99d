"""Commands of the area, one a file; each is loaded when it is called."""
