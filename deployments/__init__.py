"""The ways in: the command line, served deployments, profiles."""
