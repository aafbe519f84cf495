"""A source becomes prompts, demonstrations, pairs and quarantine."""
