"""A policy becomes completions; token-level encoding and log-probabilities."""
