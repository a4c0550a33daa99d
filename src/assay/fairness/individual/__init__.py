"""What happens to one person: compared with people like them, and with themselves in another group."""
