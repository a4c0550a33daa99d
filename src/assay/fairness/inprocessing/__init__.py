"""What mitigations share that change how a model is fitted."""
