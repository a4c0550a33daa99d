"""assay: measure whether a machine-learning model may be trusted."""
