"""A question for a judge becomes a verdict."""
