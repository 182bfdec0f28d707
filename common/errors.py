"""The one exception that means "the input is wrong, not the suite"."""


class UserError(Exception):
    """Bad input: an unknown name, a damaged file, a full disk.

    The message is one line that names the value, the choices and the mend. The command line prints
    it without a traceback and exits with code 2.
    """
