"""Training examples, rebuilt from gradients."""
