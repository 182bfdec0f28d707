"""The exception that means "the input is wrong, not the suite"."""


class UserError(Exception):
    """Bad input: an unknown name, a damaged file, a full disk.

    The message is one line that names the value, the choices and the mend. The command line prints
    it without a traceback and exits with code 2.
    """


class MissingDataError(UserError):
    """A data set that is not there and cannot be had; `data_set` is its name."""

    def __init__(self, data_set: str, message: str) -> None:
        """`message` is the one line of `UserError`."""
        super().__init__(message)
        self.data_set = data_set
