"""Whether an explanation can be believed: what may be measured of it, and what each measure is able to tell."""
