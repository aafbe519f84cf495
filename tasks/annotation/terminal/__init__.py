"""Comparing answers in a terminal, one comparison at a time."""
