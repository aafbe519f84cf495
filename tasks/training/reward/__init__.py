"""What a judge makes of answers that a policy gives in training."""
