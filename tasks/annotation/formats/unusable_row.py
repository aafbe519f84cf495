"""Why a row of a file gives no comparison, or a label in it no label."""


class UnusableRowError(ValueError):
    """The reason, which becomes that of a `Refusal`."""
