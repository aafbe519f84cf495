"""Comparisons and labels in the formats of other labelling tools."""
