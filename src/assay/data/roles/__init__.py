"""The parts that columns play: which are given, what the task is, what rows weigh."""
