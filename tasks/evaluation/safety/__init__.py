"""Whether a policy gives less of what nobody wants, and is still fit to be used."""
