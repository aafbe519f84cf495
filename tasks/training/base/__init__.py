"""The model that a chain of trainings starts from."""
