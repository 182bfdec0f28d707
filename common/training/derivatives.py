"""Derivatives by a model's weights, to hold the documents' formulas against."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from common.training import trainer


def gradients(
    model: keras.Model, loss: trainer.Loss, inputs: Any, targets: Any
) -> list[np.ndarray]:
    """Differentiate `loss` by the model's trainable weights, in their order and shapes."""
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        value = loss(targets, model(inputs))
    return [gradient.numpy() for gradient in tape.gradient(value, variables)]


def hessian(model: keras.Model, loss: trainer.Loss, inputs: Any, targets: Any) -> np.ndarray:
    """Differentiate `loss` twice by all trainable weights laid end to end, shape (P, P)."""
    return _hessian_of(model, loss)(tf.constant(inputs), tf.constant(targets)).numpy()


@functools.lru_cache(maxsize=8)
def _hessian_of(model: keras.Model, loss: trainer.Loss) -> Callable[[Any, Any], Any]:
    """Compile the Hessian of one model and loss once: it is asked for at every seed."""
    variables = [variable.value for variable in model.trainable_variables]

    def second_derivatives(inputs: Any, targets: Any) -> Any:
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                value = loss(targets, model(inputs))
            slopes = inner.gradient(value, variables)
            flat = tf.concat([tf.reshape(slope, [-1]) for slope in slopes], axis=0)
        blocks = outer.jacobian(flat, variables)
        return tf.concat([tf.reshape(block, [flat.shape[0], -1]) for block in blocks], axis=1)

    return tf.function(second_derivatives, autograph=False)
