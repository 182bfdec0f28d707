"""Arrays that every caller in a process shares: compact, locked, and held against a checksum."""

import hashlib

import numpy as np


class ChecksumError(ValueError):
    """Arrays are not the published ones."""


def read_only(*arrays: np.ndarray) -> list[np.ndarray]:
    """Compact the arrays and lock them."""
    compact = [np.ascontiguousarray(array) for array in arrays]
    for array in compact:
        array.flags.writeable = False
    return compact


def checked(sha256: str, *arrays: np.ndarray) -> list[np.ndarray]:
    """Hold the arrays against the published numbers; return them compact and read-only.

    Args:
        sha256: of the arrays' bytes, one array after the other.
        arrays: in the published order of rows and columns.

    Raises:
        ChecksumError: they are others.
    """
    digest = hashlib.sha256()
    whole = read_only(*arrays)
    for array in whole:
        digest.update(array.data)
    if digest.hexdigest() != sha256:
        raise ChecksumError("the numbers are not the published ones")
    return whole
