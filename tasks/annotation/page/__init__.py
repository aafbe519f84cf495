"""The page on which people compare answers, and the one that shows how far they are."""
