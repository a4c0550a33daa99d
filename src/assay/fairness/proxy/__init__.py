"""Which features give a protected attribute away: the search behind `fairness.proxies`."""
