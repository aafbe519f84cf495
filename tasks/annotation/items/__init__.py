"""Where comparisons come from: rows of the store become what people compare."""
