"""A training run: its arguments, log, limits and result."""
