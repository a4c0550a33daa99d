"""The command line: noun groups, hyphenated flags, `--json` on every reading command."""
