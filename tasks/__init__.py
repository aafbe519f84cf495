"""What flows are made of: one folder a stage, pure modules and one task.py."""
