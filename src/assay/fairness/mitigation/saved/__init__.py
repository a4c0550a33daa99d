"""A mitigated model in a folder, without pickles, and as a model that serves."""
