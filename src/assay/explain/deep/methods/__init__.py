"""Attribution methods of a Network on arrays of any shape."""
