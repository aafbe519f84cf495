"""What can be started: one Prefect flow a file."""
