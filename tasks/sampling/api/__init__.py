"""Calls of OpenAI-compatible servers: each paid once, each reply validated, each dollar counted."""
