"""Losses over any number of responses per prompt: batches, engines, trainer."""
