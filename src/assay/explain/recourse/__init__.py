"""What would change a decision: counterfactuals within what a person can change."""
