"""Policies become scores, estimates and a report."""
