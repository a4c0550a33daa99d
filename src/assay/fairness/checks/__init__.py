"""The checks of the area; every module here declares one."""
