"""Distributional dispreference optimization."""
