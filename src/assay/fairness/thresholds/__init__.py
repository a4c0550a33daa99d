"""Group thresholds, solved exactly on the ROC points of every group."""
