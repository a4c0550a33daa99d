"""Signatures, envelopes, keyed tokens and Merkle hashing. Needs nothing but core and `cryptography`."""
