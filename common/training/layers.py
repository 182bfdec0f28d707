"""What layers a model is made of, however deep it nests other models."""

from collections.abc import Iterator

import keras


def walk(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield every layer that is no model itself, in the order in which a model lists them."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from walk(layer)
        else:
            yield layer


def of_kind(model: keras.Model, *kinds: type[keras.layers.Layer]) -> list[keras.layers.Layer]:
    """Return the model's layers of these classes, nested ones among them."""
    return [layer for layer in walk(model) if isinstance(layer, kinds)]


def is_convolutional(model: keras.Model) -> bool:
    """Say whether any layer convolves: what does has the size of its kernel for an attribute."""
    return any(hasattr(layer, "kernel_size") for layer in walk(model))
