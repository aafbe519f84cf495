"""The error that a user can mend by giving other input."""


class InputError(ValueError):
    """A parameter, file or artifact reference that cannot be used.

    The message says what happened, with which value, what exists instead and what to do. The
    command line prints it without a traceback and exits with code 2.
    """
