"""Private training of linear and small dense models in numpy, with the gradient of every example clipped."""
