"""Low-rank adapters on a frozen base: made, switched, merged, copied."""
