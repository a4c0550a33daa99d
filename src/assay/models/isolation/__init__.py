"""Files of unknown origin load and predict in a child process with limits."""
