"""`assay privacy attack …`: one module a kind of attack."""
