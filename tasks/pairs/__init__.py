"""Completions and their verdicts become preference pairs."""
