"""What privacy costs: accuracy, fairness gaps and membership risk against epsilon, on rows held out of training."""
