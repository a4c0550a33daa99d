"""How the tables came to be, one revision a file in `versions/`. Run by `assay.store.migrate`."""
