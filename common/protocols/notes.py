"""What the notes start their networks from: their XOR listing's own draw, and PyTorch's.

Source: notes-code, `src/multicapa.py` (`np.random.uniform(size=...)`, biases of zeros) and
`src/mnist.py`, which leaves the start to PyTorch's layers.
"""

import math
from collections.abc import Sequence

import numpy as np

from common import training
from common.training import start


def uniform(rng: start.RandomNumbers, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw a kernel uniform in [0, 1); biases are 0."""
    return rng.uniform(0.0, 1.0, shape), np.zeros(shape[-1:])


def pytorch(rng: start.RandomNumbers, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw kernel and bias uniform in +-1/sqrt(fan in), as nn.Linear and nn.Conv2d do."""
    bound = 1 / math.sqrt(training.fans(shape)[0])
    return rng.uniform(-bound, bound, shape), rng.uniform(-bound, bound, shape[-1:])
