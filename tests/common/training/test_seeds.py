"""Many seeds at once: each must end where `Trainer` brings it alone.

In double precision both differ by rounding alone, so a wrong step, order or seed shows at once.
"""

import keras
import numpy as np
import pytest
from keras import ops

from common import losses, optimizers, training
from common.protocols import paper
from tests import small_models

AGREES = 1e-12
SEEDS = [3, 0, 11]  # in no order, and not from 0
UPDATES = {1: 20, 7: 3, small_models.SAMPLES: 1}  # in an epoch, by the size of a batch


def build(kind, model=None, *, loss=small_models.squared_error, optimizer="gd", **options):
    """One of the two trainers; both get the same arguments."""
    options = {"epochs": 4, "batch_size": 7} | options
    if isinstance(optimizer, str):
        optimizer = paper.build_optimizer(optimizer, 0.05, UPDATES[options["batch_size"]])
    return kind(model or small_models.dense_model(5, 3), optimizer, loss, **options)


def starts(model, seeds=SEEDS):
    return [small_models.draw(model, seed, paper.normal_with_biases) for seed in seeds]


def data_of_each_seed(seeds=SEEDS):
    rng = np.random.default_rng(2)
    dtype = keras.config.floatx()
    shape = (len(seeds), small_models.SAMPLES)
    return rng.normal(size=(*shape, 4)).astype(dtype), rng.random((*shape, 3)).astype(dtype)


def together(trainer, inputs, targets, seeds=SEEDS, **options):
    """Losses, evaluations and weights of all seeds, each with the seeds first."""
    weights = starts(trainer.model, seeds)
    history = trainer.train(inputs, targets, weights=weights, seeds=seeds, **options)
    return [history.losses, *history.evaluations.values(), *trainer.weights]


def one_by_one(trainer, inputs, targets, *, own_data=False, **options):
    """The same from `Trainer`."""
    runs = []
    for place, weights in enumerate(starts(trainer.model)):
        data = (inputs[place], targets[place]) if own_data else (inputs, targets)
        seed = SEEDS[place]
        history = trainer.train(*data, weights=weights, seed=seed, **options)
        state = small_models.weights_of(trainer.model)
        runs.append([history.losses, *history.evaluations.values(), *state])
    return [np.stack(arrays) for arrays in zip(*runs, strict=True)]


def assert_both_agree(*, own_data=False, **options):
    many, single = build(training.SeedsTrainer, **options), build(training.Trainer, **options)
    data = data_of_each_seed() if own_data else small_models.data()
    watched, at = data_of_each_seed()[0][0], [0, 1, 4]
    found = together(
        many, *data, own_data=own_data, evaluate=lambda _: many.predict(watched), at=at
    )
    expected = one_by_one(
        single, *data, own_data=own_data, evaluate=lambda _: single.predict(watched), at=at
    )
    small_models.assert_close(found, expected, AGREES)
    return found


# --- One seed at a time -------------------------------------------------------------------------


@pytest.mark.parametrize("own_data", [False, True], ids=["shared", "own"])
@pytest.mark.parametrize("shuffle", [False, True], ids=["ordered", "shuffled"])
@pytest.mark.parametrize("batch_size", UPDATES)
def test_every_batch_size_and_order_ends_where_single_runs_end(
    double, batch_size, shuffle, own_data
):
    assert_both_agree(batch_size=batch_size, shuffle=shuffle, own_data=own_data)


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam", "textbook_adam"])
@pytest.mark.parametrize("shuffle, own_data", [(False, False), (True, True)])
def test_every_optimizer_ends_where_single_runs_end(double, optimizer, shuffle, own_data):
    assert_both_agree(
        optimizer=optimizer, batch_size=1, shuffle=shuffle, own_data=own_data, epochs=5
    )


def test_the_report_is_averaged_and_the_loss_descended(double):
    found = assert_both_agree(report=small_models.absolute_error)
    assert not np.allclose(found[0], assert_both_agree()[0])


def test_a_model_of_several_parts_with_a_loss_of_its_own(double):
    """As the MATLAB script has it: outputs beside hidden ones, and a gradient that is stopped."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(5, activation="tanh", use_bias=False)(inputs)
    outputs = keras.layers.Concatenate()([keras.layers.Dense(3)(hidden), hidden])
    model = keras.Model(inputs, outputs)

    def loss(targets, outputs):
        z, hidden = outputs[:, :3], outputs[:, 3:]
        error = ops.stop_gradient(ops.softmax(z) - targets)
        return ops.sum(error * z) - ops.sum(error * error) * ops.sum(hidden * hidden)

    assert_both_agree(model=model, loss=loss, batch_size=1)


def test_the_rate_is_read_at_every_run(double):
    many, single = build(training.SeedsTrainer), build(training.Trainer)
    data = small_models.data()
    together(many, *data)
    for trainer in (many, single):
        trainer.optimizer.learning_rate = 0.7
    small_models.assert_close(together(many, *data), one_by_one(single, *data), AGREES)
    assert many._advance.experimental_get_tracing_count() == 1


def test_single_precision_has_its_own_rounding():
    data = small_models.data()
    found = together(build(training.SeedsTrainer), *data)
    assert {array.dtype for array in found} == {np.dtype("float32")}
    small_models.assert_close(found, one_by_one(build(training.Trainer), *data), 1e-5)


# --- Blocks of seeds ----------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer, batch_size", [("gd", 1), ("adam", 7)])
def test_a_seed_is_the_same_in_every_block_and_at_every_place(double, optimizer, batch_size):
    """Bit for bit: so a run that is cut off and taken up again gives the same records."""
    data, seeds = small_models.data(), list(range(20))
    options = {"optimizer": optimizer, "batch_size": batch_size, "shuffle": batch_size > 1}
    trainer, smaller = (build(training.SeedsTrainer, **options) for _ in range(2))
    whole = together(trainer, *data, seeds=seeds)
    for one, part in [(trainer, seeds), (trainer, seeds[::-1]), (smaller, seeds[15:])]:
        expected = [array[part] for array in whole]
        assert small_models.same_bits(expected, together(one, *data, seeds=part))


def test_smaller_blocks_are_filled_up_and_compile_nothing(double):
    data, seeds = data_of_each_seed(range(20)), list(range(20))
    trainer = build(training.SeedsTrainer)
    for part in [seeds, seeds[:3], seeds[5:]]:
        own = [array[part] for array in data]
        found = together(
            trainer,
            *own,
            seeds=part,
            own_data=True,
            evaluate=lambda _, own=own: trainer.predict(own[0], own_data=True),
            at=[2],
        )
        assert {len(array) for array in found} == {len(part)}
    assert trainer._advance.experimental_get_tracing_count() == 1
    together(trainer, *small_models.data(), seeds=list(range(40)))
    assert trainer._advance.experimental_get_tracing_count() == 2


def test_evaluations_do_not_change_the_run(double):
    trainer = build(training.SeedsTrainer, shuffle=True, optimizer="adam")
    data = small_models.data()
    plain = together(trainer, *data)
    calls = []

    def look(epoch):
        calls.append(epoch)
        return trainer.weights[0]

    looked = together(trainer, *data, evaluate=look, at=[3, 0, 1])
    assert calls == [0, 1, 3]
    np.testing.assert_array_equal(looked[1], [w[0] for w in starts(trainer.model)])
    assert small_models.same_bits(plain, [looked[0], *looked[4:]])


def test_a_seed_that_diverges_leaves_the_others_alone(double):
    data = small_models.data()
    trainer = build(training.SeedsTrainer, small_models.dense_model(5, 3, activation="linear"))
    well = starts(trainer.model)
    wild = [well[0], [1e200 * array for array in well[1]], well[2]]
    runs = []
    for weights in (well, wild):
        history = trainer.train(*data, weights=weights, seeds=SEEDS)
        runs.append([history.losses, *trainer.weights])
    assert not np.isfinite(runs[1][0][1]).any()
    for calm, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(calm[[0, 2]], other[[0, 2]])


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer", [keras.layers.Dropout(0.5), training.Dropout(0.5), keras.layers.BatchNormalization()]
)
def test_layers_with_a_state_are_refused(layer):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), layer])
    with pytest.raises(ValueError, match="one seed at a time"):
        build(training.SeedsTrainer, model)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        lambda: keras.optimizers.SGD(0.1, clipnorm=1.0),
        lambda: keras.optimizers.Adam(0.1),
    ],
    ids=["momentum", "clipnorm", "adam"],
)
def test_optimizers_without_a_pure_rule_are_refused(optimizer):
    with pytest.raises(TypeError, match="no pure rule"):
        build(training.SeedsTrainer, optimizer=optimizer())


def test_numbers_that_do_not_fit_are_refused():
    trainer = build(training.SeedsTrainer)
    inputs, targets = small_models.data()
    weights = starts(trainer.model)
    with pytest.raises(ValueError, match="weights of 3 runs for 2 seeds"):
        trainer.train(inputs, targets, weights=weights, seeds=[0, 1])
    with pytest.raises(ValueError, match="data of 20 seeds for 3 seeds"):
        trainer.train(inputs, targets, weights=weights, seeds=SEEDS, own_data=True)
    with pytest.raises(ValueError, match=r"no evaluation at \[5\]"):
        together(trainer, inputs, targets, evaluate=print, at=[0, 5])


def test_the_papers_loss_and_network(double):
    """4-10-3 with softmax in the loss: what the Iris experiments train."""
    model = paper.build_network((4, 10, 3))
    assert_both_agree(model=model, loss=losses.softmax_cross_entropy, batch_size=1)
    assert isinstance(optimizers.pure(keras.optimizers.SGD(0.1)), optimizers.GradientDescent)
