"""Files of people's data, read so that one person's row changes nothing but what is read of that row."""
