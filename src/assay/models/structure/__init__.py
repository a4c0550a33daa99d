"""What must hold of a model's file before a library may walk its indices."""
