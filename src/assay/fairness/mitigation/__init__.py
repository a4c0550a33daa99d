"""What mitigations share: how they are fitted, asked, declared, saved and compared."""
