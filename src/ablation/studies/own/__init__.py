"""Choices of a user's own: the files that register them, and what a choice must look like to be one."""
