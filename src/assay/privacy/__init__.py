"""Private answers with a budget that cannot be overspent, anonymisation, de-identification, encryption."""
