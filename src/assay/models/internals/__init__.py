"""The inside of models as plain arrays: trees, coefficients, and the matrix that these read."""
