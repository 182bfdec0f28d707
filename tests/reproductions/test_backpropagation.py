"""The equations' code on networks worked out by hand, and proof that every check can fail."""

import dataclasses
import math
import pathlib

import keras
import numpy as np
import pytest

from common import claims, judge, training
from common.protocols import paper
from reproductions.backpropagation import (
    algorithms,
    convolution,
    experiment,
    formulas,
    hidden_layers,
    learning,
    library,
    matrices,
    networks,
    optimizers,
    thesis,
    thesis_descent,
    timing,
)
from tests import judging

TOML = claims.load(pathlib.Path(formulas.__file__).with_name("claims.toml"))
SIZES = (2, 4, 3)  # all widths differ


@pytest.fixture(scope="module", autouse=True)
def _double_precision():
    training.set_precision("float64")
    yield
    training.set_precision("float32")


@pytest.fixture(scope="module")
def classifier():
    return networks.draw_network(np.random.default_rng(1), SIZES, "softmax")


@pytest.fixture(scope="module")
def deep():
    return {
        output: networks.draw_network(np.random.default_rng(2), (3, 5, 2, 4), output)
        for output in networks.OUTPUTS
    }


# --- Autodiff, by hand and by differences -------------------------------------------------------


def differentiate_by_hand(W, b, x, y):
    """A network of one sigmoid and two softmax neurons, with loss -log of the true share."""
    activations = [keras.activations.sigmoid, keras.activations.softmax]
    return networks.differentiate(W, b, activations, x, lambda A: networks.cross_entropy(y, A))


def test_derivatives_of_a_network_worked_out_by_hand():
    # z1 = 2 * 1 - 2 = 0, A1 = 1/2; z2 = (log 3 + 1) / 2 - 1/2 and -1/2 + 1/2, so A2 = 3^(1/2) : 1
    W = {1: np.array([[2.0]]), 2: np.array([[math.log(3) + 1], [-1.0]])}
    b = {1: np.array([-2.0]), 2: np.array([-0.5, 0.5])}
    values, partials = differentiate_by_hand(W, b, np.array([1.0]), np.array([0.0, 1.0]))
    share = math.sqrt(3) / (1 + math.sqrt(3))
    np.testing.assert_allclose(values["A1"], [0.5])
    np.testing.assert_allclose(values["A2"], [share, 1 - share])
    np.testing.assert_allclose(partials["L", "z2"], [share, -share])
    product = share * (1 - share)
    np.testing.assert_allclose(partials["A2", "z2"], [[product, -product], [-product, product]])
    np.testing.assert_allclose(partials["L", "W2"], [[share / 2], [-share / 2]])
    hidden = share * (math.log(3) + 2) / 4  # (share w_1 - share w_2) sigma'(0)
    np.testing.assert_allclose(partials["L", "z1"], [hidden])
    np.testing.assert_allclose(partials["L", "W1"], [[hidden]])
    np.testing.assert_allclose(partials["z2", "A1"], W[2])
    np.testing.assert_array_equal(partials["A1", "A2"], 0.0)  # no layer depends on a later one


def test_derivatives_are_those_of_central_differences(deep):
    net = deep["sigmoid"]
    step, i, j = 1e-6, 3, 1

    def loss_at(shift):
        A = net.x
        for k, matrix in net.W.items():
            moved = matrix.copy()
            if k == 1:
                moved[i, j] += shift
            A = 1 / (1 + np.exp(-(moved @ A + net.b[k])))
        return ((A - net.y) ** 2).sum()

    slope = (loss_at(step) - loss_at(-step)) / (2 * step)
    assert net.d("L", "W1")[i, j] == pytest.approx(slope, rel=1e-6)
    assert net.stock_derivatives["W1"][i, j] == pytest.approx(slope, rel=1e-6)


# --- Every formula can fail ---------------------------------------------------------------------

EVERY = {
    **experiment.CHECKS,
    **hidden_layers.CHECKS,
    **matrices.CHECKS,
    **thesis.CHECKS,
}
SLIPS = {  # as printed they give other values, or none
    *("eq_2_output", "eq_11_two_ones", "eq_19", "eq_25", "eq_26", "eq_27", "eq_28", "eq_29"),
    *("eq_30_one_j", "eq_35", "eq_36", "a_1", "a_15_middle", "a_18", "mean_over_outputs"),
}
OF_ONE_PLACE = {"eq_5", "eq_6", "eq_7", "eq_9", "eq_10"}  # of z and y alone, and no other number


def disturbed(net):
    """The network with every number changed by a little of its own: nothing holds any more."""
    rng = np.random.default_rng(7)

    def moved(values):
        return {
            name: each + 0.01 * rng.uniform(0.5, 1, np.shape(each)) for name, each in values.items()
        }

    return dataclasses.replace(
        net, W=moved(net.W), b=moved(net.b), z=moved(net.z), A=moved(net.A),
        y=net.y + 0.01 * rng.uniform(0.5, 1, net.y.shape), partials=moved(net.partials),
    )  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_every_formula_holds_unless_it_is_a_slip_and_never_on_a_disturbed_network(name):
    check, rng = EVERY[name], np.random.default_rng(3)
    sizes = (4,) * 4 if check.equal else (3, 5, 2, 4)
    if name in thesis.CHECKS:
        net = thesis.draw(rng, sizes)
    else:
        net = networks.draw_network(rng, sizes, check.outputs[0])
    assert check.concerns(net)
    found = formulas.gap_of(check.formula, [net])
    if name in SLIPS:
        assert found > 1e-3
        return
    tolerance = 1e-6 if name == "a_5" else 1e-11  # central differences
    assert found < tolerance
    if name in OF_ONE_PLACE:  # both sides move with it, so one side is taken from another place
        pairs = zip(check.formula(net), check.formula(disturbed(net)), strict=True)
        assert formulas.gap([(one[0], other[1]) for one, other in pairs]) > 1e-5
    else:
        assert formulas.gap_of(check.formula, [disturbed(net)]) > 1e-5


def test_shapes_decide_only_where_widths_differ(deep):
    equal = networks.draw_network(np.random.default_rng(4), (4, 4, 4, 4), "softmax")
    for formula in (matrices.eq_35, matrices.eq_36):
        assert formulas.gap_of(formula, [deep["softmax"]]) == math.inf
        assert 1e-3 < formulas.gap_of(formula, [equal]) < math.inf
    assert formulas.gap_of(thesis.a_18, [equal]) == math.inf  # two columns never multiply


def test_the_gap_is_relative_and_refuses_other_shapes():
    assert formulas.gap([([1.0, 2.2], [1.0, 2.0])]) == pytest.approx(0.1)
    assert formulas.gap([([0.5], [0.0])]) == 0.5
    with pytest.raises(ValueError, match="shape"):
        formulas.gap([(np.ones((2, 1)), np.ones(2))])


# --- Algorithms and optimizers ------------------------------------------------------------------


def test_algorithm_1_stops_where_it_reads_what_nothing_has_set(deep):
    net = deep["softmax"]
    with pytest.raises(KeyError, match="b3"):
        algorithms.algorithm(1, net, repairs=0)
    for number in (1, 2):
        with pytest.raises(KeyError, match="2"):
            algorithms.algorithm(number, net, repairs=1)
    for repairs in (2, 3):
        with pytest.raises(ValueError, match=r"shape|mismatch|dimension"):
            algorithms.algorithm(1, net, repairs=repairs)
    repaired = algorithms.algorithm(1, net, repairs=4)
    assert repaired.keys() == net.stock_derivatives.keys()
    assert algorithms.algorithm_gap(1, [net], 4) < 1e-12


def test_algorithm_2_has_one_slip_less():
    net = networks.draw_network(np.random.default_rng(8), (4, 3, 2), "sigmoid")
    one, two = algorithms.run_algorithm(1, [net]), algorithms.run_algorithm(2, [net])
    assert len(two["algorithm_2_gaps"]) == len(one["algorithm_1_gaps"]) - 1
    assert two["algorithm_2_repairs"] == 3
    assert one["algorithm_1_gap"] > 0.1  # it is no classifier
    assert algorithms.repairs_needed([math.inf, 0.3, 1e-15]) == 2


def test_algorithm_1_serves_other_networks_than_classifiers(deep):
    found = algorithms.on_other_networks(np.random.default_rng(9), list(deep.values()))
    assert found["algorithm_1_on_autoencoders_gap"] > 0.1
    assert found["algorithm_1_on_regressions_gap"] < 1e-12
    assert found["algorithm_1_on_binary_autoencoders_gap"] < 1e-12
    assert not found["only_on_classifiers"]


def test_every_optimizer_notices_a_wrong_derivative(monkeypatch):
    config = optimizers.Config()
    right = optimizers.derivatives_by_hand
    assert next(optimizers.run(config, [0]))["any_optimizer_gap"] < 1e-9

    def wrong(weights, x, y):
        weights[0] *= 1.5  # an early version moved the weights here
        return right(weights, x, y)

    monkeypatch.setattr(optimizers, "OPTIMIZERS", ("gd",))
    monkeypatch.setattr(optimizers, "derivatives_by_hand", wrong)
    start = paper.initial_weights(optimizers.build_model(config), np.random.default_rng(0))
    samples = optimizers.draw_samples(config, np.random.default_rng(1))
    assert optimizers.weights_moved(start, samples) > 0.1

    monkeypatch.setattr(
        optimizers, "derivatives_by_hand", lambda *of: [1.001 * each for each in right(*of)]
    )
    assert next(optimizers.run(config, [0]))["algorithm_3_gap"] > 1e-6


def test_one_path_loss_has_the_derivative_of_equation_19():
    rng = np.random.default_rng(5)
    z, y = rng.normal(size=3), np.array([0.0, 1.0, 0.0])
    shares = formulas.softmax(z)
    found = networks.slope(lambda z: learning.loss_of_own_path(y[None], z[None]), z)
    np.testing.assert_allclose(found, -y * (1 - shares), atol=1e-12)
    meant = networks.slope(lambda z: paper.cross_entropy(y[None], z[None]), z)
    np.testing.assert_allclose(meant, shares - y, atol=1e-12)


def test_the_librarys_loop_computes_layers_again(deep):
    for depth, computed in ((2, 4), (3, 8), (5, 19)):
        sizes = networks.Shapes().widths[: depth + 1]
        net = networks.draw_network(np.random.default_rng(6), sizes, "softmax")
        assert library.backpropagation(net)[1] == computed
    assert formulas.gap(library.against_autodiff(deep["softmax"])) < 1e-12
    assert formulas.gap(library.against_autodiff(disturbed(deep["softmax"]))) > 1e-4


def test_three_ways_to_the_same_derivatives(deep):
    assert formulas.gap(timing.all_ways(deep["softmax"])) < 1e-12
    assert formulas.gap(timing.all_ways(deep["linear"])) > 1e-3  # their first line is A - Y


# --- Regions, convolution, the thesis's premises ------------------------------------------------


def test_one_hidden_layer_needs_a_neuron_for_every_face():
    square = np.array([[1, 0, -1], [-1, 0, -1], [0, 1, -1], [0, -1, -1]], dtype=float)
    points = np.random.default_rng(0).uniform(-2, 2, (1000, 2))
    inside = (np.abs(points) <= 1).all(axis=1)
    assert experiment.share_of_mistakes(square, points, inside) == 0
    assert experiment.share_of_mistakes(square[:3], points, inside) > 0.05
    rough, fine = experiment.Config(tangents=3), experiment.Config()
    assert experiment.mistakes_on_disc(rough, np.random.default_rng(0)) > 0.05
    assert experiment.mistakes_on_disc(fine, np.random.default_rng(0)) < 0.01


def test_convolution_by_hand():
    image, kernel = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[10.0, 1.0]])
    np.testing.assert_array_equal(
        convolution.convolution_as_printed(image, kernel), [[10, 21, 2], [30, 43, 4]]
    )
    np.testing.assert_array_equal(convolution.slid_filter(image, kernel), [[12], [34]])
    layer = convolution.build_model(image, kernel)
    np.testing.assert_array_equal(convolution.answer(layer, image), [[12], [34]])


def test_a_pattern_drowns_in_enough_noise():
    loud = convolution.Config(noise=50.0)
    rng = np.random.default_rng(0)
    assert sum(convolution.pattern_stands_out(loud, rng) for _ in range(20)) < 10
    assert all(convolution.pattern_stands_out(convolution.Config(), rng) for _ in range(5))


def test_a_cost_of_the_outputs_stays_where_they_stay():
    """Without the penalty the cost is a function of the outputs, and the claim would hold."""
    rng = np.random.default_rng(0)
    config = thesis_descent.Config()
    assert thesis_descent.without_outgoing_weight(config, rng)["cost_moved_gap"] > 1e-6
    without = dataclasses.replace(config, penalty=0.0)
    assert thesis_descent.without_outgoing_weight(without, rng)["cost_moved_gap"] == 0


def test_appendix_a_runs_once_for_every_example():
    rng = np.random.default_rng(0)
    net = thesis.draw(rng, (3, 4, 2))
    x, y = rng.normal(size=(5, 3)), rng.uniform(size=(5, 2))
    assert thesis_descent.n_runs_gap(net, x, y) < 1e-12
    runs = [thesis.four_equations(net.W, net.b, *example) for example in zip(x, y, strict=True)]
    last_alone = runs[-1]["W2"].T
    exact = training.gradients(net.stock, thesis_descent.mean_cost, x, y)[2]
    assert formulas.gap([(last_alone, exact)]) > 0.01  # the last run is not the whole gradient


# --- Claims -------------------------------------------------------------------------------------


def verdict(claim, values):
    """Judge one claim on seeds of the same values."""
    stored = judging.records_of(dict.fromkeys(TOML.variants, values), data={"iris": "scikit-learn"})
    alone = dataclasses.replace(
        TOML, passages=(dataclasses.replace(TOML.passages[0], claims=(claim,)),), findings=()
    )
    return judging.verdicts(alone, stored)[claim.id]


IDENTITIES = [claim for claim in TOML.claims if claim.kind == "identity"]


@pytest.mark.parametrize("claim", IDENTITIES, ids=lambda claim: claim.id)
def test_every_identity_turns_with_its_metric(claim):
    assert verdict(claim, {claim.metric: 1e-15}) == judge.CONFIRMED
    assert verdict(claim, {claim.metric: 1e-5}) == judge.REFUTED
    assert verdict(claim, {claim.metric: math.inf}) == judge.REFUTED


BY_ID = {claim.id: claim for claim in TOML.claims}
TURNED = {  # claim: measurements by which it holds, and by which it falls
    "no-collapse": (
        {"bend_with_sigmoid": 0.02, "bend_without_sigmoid": 1e-16},
        {"bend_with_sigmoid": 1e-15, "bend_without_sigmoid": 1e-16},  # any slope is too little
    ),
    "eq-11-needs-the-sum": (
        {"eq_11_two_ones_gap": 0.5, "eq_11_gap": 0.0},
        {"eq_11_two_ones_gap": 1e-15, "eq_11_gap": 0.0},
    ),
    "algorithm-1-fails-on-autoencoders": (
        {"algorithm_1_on_autoencoders_gap": 3.0, "algorithm_1_gap": 1e-15},
        {"algorithm_1_on_autoencoders_gap": 1e-14, "algorithm_1_gap": 1e-15},
    ),
    "algorithm-1-only-classification": ({"only_on_classifiers": 1}, {"only_on_classifiers": 0}),
    "convex-disc": ({"disc_mistakes": 0.001}, {"disc_mistakes": 0.02}),
    "pattern-stands-out": ({"pattern_stands_out": 1}, {"pattern_stands_out": 0}),
    "matrix-faster": (
        {"wide_matrix_seconds": [1.0] * 4, "wide_sums_seconds": [9.0] * 4},
        {"wide_matrix_seconds": [1.0] * 4, "wide_sums_seconds": [1.1] * 4},  # hardly faster
    ),
    "matrix-faster-with-depth": (
        {"gain_over_nested": [3.0, 9.0, 30.0, 90.0]},
        {"gain_over_nested": [3.0, 3.0, 3.0, 3.1]},
    ),
    "matrices-gain-with-depth": (
        {"gain_of_matrices": [10.0, 11.0, 12.0, 13.0]},
        {"gain_of_matrices": [10.0, 10.0, 10.0, 10.2]},
    ),
    "a-cost-must-be-a-mean": (
        {"no_mean_gap": 0.1, "mean_over_examples_gap": 1e-16},
        {"no_mean_gap": 1e-15, "mean_over_examples_gap": 1e-16},
    ),
}


@pytest.mark.parametrize("name", TURNED)
def test_what_is_compared_turns_with_what_is_measured(name):
    holds, falls = TURNED[name]
    assert verdict(BY_ID[name], holds) == judge.CONFIRMED
    assert verdict(BY_ID[name], falls) == judge.REFUTED
