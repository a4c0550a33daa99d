"""The records everything else is made of. Standard library only; imports no other room."""
