"""Formats of model folders that this area brings; every module declares one."""
