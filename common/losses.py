"""Losses that several documents use, each with its formula.

All take (targets, predictions) of one batch, the samples along the first axis, and return a scalar.
"""

from typing import Any

from keras import ops


def softmax_cross_entropy(y: Any, z: Any) -> Any:
    """Softmax of z, then -sum(y log A), averaged over the samples; `y` and `z` are (n, classes)."""
    return ops.mean(ops.categorical_crossentropy(y, z, from_logits=True))


def negative_log_likelihood(labels: Any, log_shares: Any) -> Any:
    """Average -log of the true class's share: PyTorch's `nn.NLLLoss`, cross-entropy after softmax.

    Args:
        labels: numbers of the classes, shape (n,).
        log_shares: logarithms of the classes' shares, shape (n, classes).
    """
    hits = ops.one_hot(labels, log_shares.shape[-1], dtype=log_shares.dtype) * log_shares
    return -ops.mean(ops.sum(hits, axis=1))


def squared_error(y: Any, prediction: Any) -> Any:
    """Sum of all (prediction - y)^2; its derivative is 2 (prediction - y)."""
    return ops.sum(ops.square(prediction - y))


def half_squared_error(y: Any, prediction: Any) -> Any:
    """Half the sum of all (y - prediction)^2; its derivative is prediction - y."""
    return ops.sum(ops.square(y - prediction)) / 2


def mean_squared_error(y: Any, prediction: Any) -> Any:
    """Average (prediction - y)^2 over samples and outputs: PyTorch's `nn.MSELoss`."""
    return ops.mean(ops.square(prediction - y))
