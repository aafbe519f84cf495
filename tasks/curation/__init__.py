"""Examples, checked and split: what may be learned from, and what policies are compared on."""
