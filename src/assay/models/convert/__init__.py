"""Pickles and deep-learning archives become safe formats, with the parity of their predictions."""
