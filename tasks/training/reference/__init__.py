"""What a policy in training is held to."""
