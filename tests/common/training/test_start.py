"""The weights that runs start from: their distributions, their order, and layers of every kind."""

import math

import keras
import numpy as np
import pytest
import scipy.stats

from common import training
from common.protocols import notes, paper
from tests import small_models


# What a kernel and a bias follow, by their fans in and out; None is a bias of zeros.
def _uniform(low, high):
    return scipy.stats.uniform(low, high - low)


DISTRIBUTIONS = {
    notes.pytorch: lambda n_in, _: 2 * [_uniform(-1 / math.sqrt(n_in), 1 / math.sqrt(n_in))],
    training.glorot: lambda n_in, n_out: [
        _uniform(-math.sqrt(6 / (n_in + n_out)), math.sqrt(6 / (n_in + n_out))),
        None,
    ],
    training.normal: lambda *_: [scipy.stats.norm(), None],
    paper.normal_with_biases: lambda *_: 2 * [scipy.stats.norm()],
    notes.uniform: lambda *_: [_uniform(0, 1), None],
}


@pytest.mark.parametrize("scheme", DISTRIBUTIONS)
def test_weights_have_the_shapes_and_order_of_the_model(scheme):
    model = small_models.convolutional_model()
    weights = small_models.draw(model, 0, scheme)
    assert [array.shape for array in weights] == [v.shape for v in model.trainable_variables]
    assert [array.shape for array in weights] == [(3, 3, 2, 5), (5,), (45, 3), (3,)]
    assert all(array.dtype == np.float64 for array in weights)  # rounded once, by the model
    assert small_models.same_bits(weights, small_models.draw(model, 0, scheme))
    kernels = zip(weights[::2], small_models.draw(model, 1, scheme)[::2], strict=True)
    assert not any(np.any(one == other) for one, other in kernels)


@pytest.mark.parametrize("scheme", DISTRIBUTIONS)
def test_weights_follow_their_distribution(scheme):
    """A Kolmogorov-Smirnov test at 0.1 % sees a bound that is 2 % off in 20,000 draws."""
    model = small_models.convolutional_model()
    draws = [small_models.draw(model, seed, scheme) for seed in range(400)]
    fans = [(9 * 2, 9 * 5), (45, 3)]  # a filter of 3 x 3 on 2 channels; 45 pixels left for 3 units
    expected = [law for fan in fans for law in DISTRIBUTIONS[scheme](*fan)]
    for arrays, law in zip(zip(*draws, strict=True), expected, strict=True):
        values = np.ravel(arrays)
        if law is None:
            assert not values.any()
            continue
        low, high = law.support()
        assert values.min() >= low and values.max() <= high
        assert scipy.stats.kstest(values, law.cdf).pvalue > 0.001
        assert abs(values.mean() - law.mean()) < 4 * law.std() / math.sqrt(values.size)
        assert values.std() == pytest.approx(law.std(), rel=4 / math.sqrt(2 * values.size))


def test_pytorch_scheme_has_the_bounds_of_pytorch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = keras.Sequential(
        [keras.Input((9, 9, 4)), keras.layers.Conv2D(50, 7), keras.layers.Flatten()]
    )
    model.add(keras.layers.Dense(60))
    ours = [np.abs(array).max() for array in small_models.draw(model, 0, notes.pytorch)]
    layers = [torch.nn.Conv2d(4, 50, 7), torch.nn.Linear(9 * 50, 60)]
    theirs = [p.detach().abs().max().item() for layer in layers for p in layer.parameters()]
    # Biases have 50 and 60 draws: the largest lies within a tenth of the bound almost surely.
    np.testing.assert_allclose(ours, theirs, rtol=0.1)


def test_glorot_scheme_has_the_bounds_of_keras():
    model = small_models.convolutional_model()
    ours = np.max(
        [
            [np.abs(a).max() for a in small_models.draw(model, s, training.glorot)[::2]]
            for s in range(200)
        ],
        0,
    )
    theirs = [
        max(np.abs(keras.initializers.GlorotUniform(seed=seed)(shape)).max() for seed in range(200))
        for shape in [(3, 3, 2, 5), (45, 3)]
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def test_uniform_scheme_repeats_the_notes_own_draw():
    """The notes' XOR network: np.random.seed(42), then W1, then W2; biases of zeros."""
    np.random.seed(42)
    W1 = np.random.uniform(size=(2, 2))
    W2 = np.random.uniform(size=(2, 1))
    model = small_models.dense_model(2, 1, inputs=2)
    weights = training.initial_weights(model, np.random.RandomState(42), notes.uniform)
    assert small_models.same_bits(weights, [W1, np.zeros(2), W2, np.zeros(1)])


# --- Layers of every kind -----------------------------------------------------------------------


def nested_model():
    """A block within a block: a convolution and what normalises it, then two dense layers."""
    block = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(4, 3, use_bias=False),
            keras.layers.BatchNormalization(),
        ]
    )
    inner = keras.Sequential([keras.Input((6, 6, 2)), block, keras.layers.Flatten()])
    inputs = keras.Input((6, 6, 2))
    hidden = keras.layers.Dense(5, use_bias=False)(inner(inputs))
    normalised = keras.layers.BatchNormalization(scale=False)(hidden)
    return keras.Model(inputs, keras.layers.Dense(3)(normalised))


def test_nested_models_layers_without_bias_and_normalisation():
    model = nested_model()
    weights = small_models.draw(model, 3, notes.pytorch)
    variables = model.trainable_variables
    assert [array.shape for array in weights] == [v.shape for v in variables]
    starts = dict(zip([v.name + str(v.shape) for v in variables], weights, strict=True))
    assert (starts["gamma(4,)"] == 1).all()
    assert (starts["beta(4,)"] == 0).all() and (starts["beta(5,)"] == 0).all()
    # Each layer's kernel has its own draw, in the order of the layers: the convolution is first.
    rng = np.random.default_rng(3)
    for shape in [(3, 3, 2, 4), (64, 5), (5, 3)]:
        kernel, bias = notes.pytorch(rng, shape)
        np.testing.assert_array_equal(starts[f"kernel{shape}"], kernel)
    np.testing.assert_array_equal(starts["bias(3,)"], bias)


def test_a_frozen_layer_draws_nothing():
    model = small_models.dense_model(5, 3)
    model.layers[0].trainable = False
    (kernel, _) = small_models.draw(model, 1)
    np.testing.assert_array_equal(kernel, training.glorot(np.random.default_rng(1), (5, 3))[0])


def test_a_layer_that_no_scheme_can_start_is_named():
    model = keras.Sequential([keras.Input((3,)), keras.layers.LayerNormalization(name="odd")])
    with pytest.raises(TypeError, match="'odd'"):
        small_models.draw(model, 0)
