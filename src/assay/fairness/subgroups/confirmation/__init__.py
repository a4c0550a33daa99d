"""How much worse a slice that was searched for really is: intervals and tests that the search does not spoil."""
