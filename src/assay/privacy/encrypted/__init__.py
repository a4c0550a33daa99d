"""Scores of a linear model over encrypted rows: who computes learns nothing of the features (CKKS, by TenSEAL)."""
