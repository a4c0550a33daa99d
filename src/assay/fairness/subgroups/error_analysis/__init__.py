"""Where errors gather, as a tree of splits and as a map over two columns."""
