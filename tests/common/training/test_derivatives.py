"""Derivatives by the weights, held against finite differences."""

import numpy as np

from common import training
from common.protocols import paper
from tests import small_models


def central_differences(function, point, step):
    """Differentiate by each coordinate of `point`: shape (P, *shape of the function's value)."""
    shifts = step * np.eye(len(point))
    return np.array(
        [(function(point + shift) - function(point - shift)) / (2 * step) for shift in shifts]
    )


def test_derivatives_equal_finite_differences(double):
    model = small_models.dense_model(3, 2, inputs=2, activation="tanh")
    inputs, targets = small_models.data(6, 2, 2)
    start = small_models.draw(model, 2, paper.normal_with_biases)
    cuts = np.cumsum([array.size for array in start])[:-1]

    def place(flat):
        parts = np.split(flat, cuts)
        for variable, part in zip(model.trainable_variables, parts, strict=True):
            variable.assign(part.reshape(variable.shape))

    def loss(flat):
        place(flat)
        return float(small_models.squared_error(targets, model(inputs)))

    def slopes(flat):
        place(flat)
        gradients = training.gradients(model, small_models.squared_error, inputs, targets)
        assert [array.shape for array in gradients] == [array.shape for array in start]
        return np.concatenate([array.ravel() for array in gradients])

    point = np.concatenate([array.ravel() for array in start])
    np.testing.assert_allclose(slopes(point), central_differences(loss, point, 1e-5), atol=1e-9)

    place(point)
    hessian = training.hessian(model, small_models.squared_error, inputs, targets)
    assert hessian.shape == (len(point), len(point))
    assert hessian.dtype == np.float64
    np.testing.assert_allclose(hessian, central_differences(slopes, point, 1e-5), atol=1e-8)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-14)
