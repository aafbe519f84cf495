"""D2O with as few decisions as possible."""
