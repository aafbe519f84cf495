"""The web page on which people compare answers, and what comes of their labels."""
