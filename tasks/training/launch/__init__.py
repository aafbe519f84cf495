"""Training in this process, or in others that accelerate starts."""
