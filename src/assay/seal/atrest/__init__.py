"""Data at rest: files in authenticated chunks, cells of tables, and a key for each subject that can be shredded."""
