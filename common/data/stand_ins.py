"""Which data set is replaced by a stand-in: the parent decides, its worker processes are told."""

import os

VARIABLE = "REPRODUCTION_STAND_IN"  # names the data set that is replaced


def is_used_for(name: str) -> bool:
    """Whether the parent has decided on the stand-in for this data set."""
    return os.environ.get(VARIABLE) == name


def use_for(name: str) -> None:
    """Decide on it, for this process and those that it starts."""
    os.environ[VARIABLE] = name


def use_none() -> None:
    """Take an earlier decision back."""
    os.environ.pop(VARIABLE, None)
