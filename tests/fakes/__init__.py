"""Stand-ins that are real servers, for tests and benchmarks."""
