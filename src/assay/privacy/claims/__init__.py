"""Whether a private training does what its claim says, judged from outside by what it releases."""
