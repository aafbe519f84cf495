"""What the labels of several people come to, and how far they agree."""
