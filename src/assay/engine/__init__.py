"""Plan what can be asked of a Subject, ask it, judge the answers. The only maker of Findings."""
