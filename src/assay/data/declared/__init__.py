"""What is known of data without reading them, and tables of noisy counts that were published of them."""
