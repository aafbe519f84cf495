"""Policies that learn from their own answers, through TRL: RLOO and GRPO."""
