"""Comparisons that wait for people and the labels that they gave, in one SQLite file."""
