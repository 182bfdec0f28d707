"""The paper's training loop in plain NumPy, a sample at a time: what our engine is held against.

Written from the paper's section 3, algorithms 1 to 3 (as they must be read) and the facts of its
library, and from nothing in `common`: where both agree, neither hides a slip of ours.
"""

import numpy as np

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    powers = np.exp(z - z.max())
    return powers / powers.sum()


# What each output layer with its loss starts back-propagation from: dL/dz of the last layer.
OUTPUTS = {
    "softmax": (softmax, lambda a, y: a - y),  # cross-entropy, equation (13)
    "sigmoid": (sigmoid, lambda a, y: 2 * (a - y) * a * (1 - a)),  # sum of squares
    "identity": (lambda z: z, lambda a, y: 2 * (a - y)),  # sum of squares
}
# Hidden layers: g, and g' written with the layer's own output.
HIDDEN = {
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(a.dtype)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
}


def feedforward(weights, x, hidden="sigmoid", output="softmax"):
    """All layers' outputs, x first. `weights` is W, b, W, b, ..., W of shape (inputs, units)."""
    outputs = [x]
    for layer in range(0, len(weights), 2):
        last = layer + 2 == len(weights)
        activation = OUTPUTS[output][0] if last else HIDDEN[hidden][0]
        outputs.append(activation(outputs[-1] @ weights[layer] + weights[layer + 1]))
    return outputs


def derivatives(weights, x, y, hidden="sigmoid", output="softmax"):
    """Algorithm 1 (softmax) or 2: dL/dW, dL/db of every layer, in the order of `weights`."""
    outputs = feedforward(weights, x, hidden, output)
    delta = OUTPUTS[output][1](outputs[-1], y)
    found = []
    for layer in reversed(range(len(weights) // 2)):
        found = [np.outer(outputs[layer], delta), delta, *found]
        if layer:
            delta = (weights[2 * layer] @ delta) * HIDDEN[hidden][1](outputs[layer])
    return found


def train(weights, inputs, targets, *, optimizer="gd", rate, epochs=1, **activations):
    """Algorithm 3: pass over the samples in their order; returns new weights.

    `optimizer` is "gd", "momentum", "adam" (whose bias correction counts epochs, as the library's
    does) or "textbook_adam" (which counts updates).
    """
    weights = [np.array(each, copy=True) for each in weights]
    first = [np.zeros_like(each) for each in weights]
    second = [np.zeros_like(each) for each in weights]
    updates = 0
    for epoch in range(epochs):
        for x, y in zip(inputs, targets, strict=True):
            updates += 1
            time = {"adam": epoch + 1, "textbook_adam": updates}.get(optimizer)
            gradients = derivatives(weights, x, y, **activations)
            for w, v, s, g in zip(weights, first, second, gradients, strict=True):
                w -= _step(optimizer, rate, v, s, g, time)  # noqa: PLW2901, in place
    return weights


def _step(optimizer, rate, v, s, gradient, time):  # noqa: PLR0917
    """What is taken off one array of weights; v and s, its moments, change in place."""
    if optimizer == "gd":
        return rate * gradient
    if optimizer == "momentum":
        v[...] = BETA_1 * v + rate * gradient
        return v
    v[...] = BETA_1 * v + (1 - BETA_1) * gradient
    s[...] = BETA_2 * s + (1 - BETA_2) * gradient**2
    mean, square = v / (1 - BETA_1**time), s / (1 - BETA_2**time)
    return rate * mean / (np.sqrt(square) + EPSILON)
