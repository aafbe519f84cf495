"""All responses of a prompt behind one copy of it: layout, attention, log-probabilities."""
