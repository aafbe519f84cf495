"""Why a label was not taken."""


class LabelError(Exception):
    """A label that cannot be taken; the message is for the person who gave it."""


class UnknownItemError(LabelError):
    """The queue has no such item, or no such side of it."""


class LeaseLostError(LabelError):
    """The item was given to somebody else meanwhile, who has labelled it."""


class TooEarlyError(LabelError):
    """The comparison was chosen before the shortest reading time had passed."""


class QueueClosedError(LabelError):
    """The queue takes no labels any more."""
