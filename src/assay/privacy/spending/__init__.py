"""A privacy ledger as something to judge, to show and to hold against a checkpoint."""
