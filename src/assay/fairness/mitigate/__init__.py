"""The catalogue of mitigations: one method a file."""
