"""The equations' code on networks worked out by hand, and proof that every check can fail."""

import dataclasses
import math
import pathlib

import numpy as np
import pytest

from common import claims, judge, paper_library, training
from reproductions import backpropagation as bp

TOML = claims.load(pathlib.Path(bp.__file__).with_suffix(".toml"))
SIZES = (2, 4, 3)  # all widths differ


@pytest.fixture(scope="module", autouse=True)
def _double_precision():
    training.set_precision("float64")
    yield
    training.set_precision("float32")


@pytest.fixture(scope="module")
def classifier():
    return bp.draw_network(np.random.default_rng(1), SIZES, "softmax")


@pytest.fixture(scope="module")
def deep():
    return {
        output: bp.draw_network(np.random.default_rng(2), (3, 5, 2, 4), output)
        for output in bp.OUTPUTS
    }


def differentiate_by_hand(W, b, x, y):
    """A network of one sigmoid and two softmax neurons, with loss -log of the true share."""
    activations = [bp.keras.activations.sigmoid, bp.keras.activations.softmax]
    return bp.differentiate(W, b, activations, x, lambda A: bp.cross_entropy(y, A))


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


def test_every_formula_notices_a_wrong_network(classifier, deep):
    """With a derivative changed in one place, the check that rests on it must fail."""
    for name, formula in {
        "eq_22": bp.eq_22,
        "eq_40": bp.eq_40,
        "eq_38": bp.eq_38_corrected,
    }.items():
        partials = dict(classifier.partials)
        assert bp.gap(formula(classifier)) < 1e-12, name
        partials["L", "z1"] = partials["L", "z1"] * np.array([1.0, 1.0, 1.0, 1.001])
        changed = dataclasses.replace(classifier, partials=partials)
        assert bp.gap(formula(changed)) > 1e-6, name
    net = deep["linear"]
    for formula in (bp.eq_29, bp.eq_26_corrected, bp.eq_28_corrected, bp.a_13):
        assert bp.gap(formula(net)) < 1e-12
        W = {k: matrix.copy() for k, matrix in net.W.items()}
        W[3][0, 0] += 0.01
        partials = dict(net.partials) | {("z3", "A2"): W[3]}
        assert bp.gap(formula(dataclasses.replace(net, W=W, partials=partials))) > 1e-6


def test_what_is_printed_with_a_slip_differs_and_the_correction_agrees(deep):
    net = deep["linear"]
    for name in ("eq_26", "eq_27", "eq_28"):
        assert bp.gap(bp.PAPER[name].formula(net)) > 1e-3, name
        assert bp.gap(bp.PAPER[f"{name}_corrected"].formula(net)) < 1e-12, name
    for name in ("eq_19", "eq_25"):
        assert bp.gap(bp.PAPER[name].formula(deep["softmax"])) > 1e-3, name
        assert bp.gap(bp.PAPER[f"{name}_elsewhere"].formula(net)) < 1e-12, name
        assert bp.gap(bp.PAPER[f"{name}_corrected"].formula(deep["softmax"])) < 1e-12, name


def test_shapes_decide_only_where_widths_differ(classifier):
    equal = bp.draw_network(np.random.default_rng(4), (4, 4, 4, 4), "softmax")
    for name in ("eq_31", "eq_34", "eq_35", "eq_36", "eq_40_elementwise"):
        formula = bp.PAPER[name].formula
        assert bp.gap_of(formula, [classifier]) == math.inf, name
        assert 1e-3 < bp.gap_of(formula, [equal]) < math.inf, name
    assert bp.gap_of(bp.a_18, [equal]) == math.inf  # two columns never multiply


def test_the_gap_is_relative_and_refuses_other_shapes():
    assert bp.gap([([1.0, 2.2], [1.0, 2.0])]) == pytest.approx(0.1)
    assert bp.gap([([0.5], [0.0])]) == 0.5
    with pytest.raises(ValueError, match="shape"):
        bp.gap([(np.ones((2, 1)), np.ones(2))])


def test_algorithm_1_stops_where_it_reads_what_nothing_has_set(deep):
    net = deep["softmax"]
    with pytest.raises(KeyError, match="b3"):
        bp.algorithm(1, net, repairs=0)
    with pytest.raises(KeyError, match="2"):
        bp.algorithm(1, net, repairs=1)
    for repairs in (2, 3):
        with pytest.raises(ValueError, match=r"shape|mismatch|dimension"):
            bp.algorithm(1, net, repairs=repairs)
    repaired = bp.algorithm(1, net, repairs=4)
    assert repaired.keys() == net.stock_derivatives.keys()
    assert bp.algorithm_gap(1, [net], 4) < 1e-12
    assert bp.repairs_needed([math.inf, 0.3, 1e-15]) == 2
    assert bp.repairs_needed([math.inf] * 5) == 5


def test_nested_sums_are_counted_while_they_are_summed(deep):
    assert bp.count_sums(deep["softmax"]) == [2, 1]


def test_convolution_by_hand():
    image, kernel = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[10.0, 1.0]])
    np.testing.assert_array_equal(
        bp.convolution_as_printed(image, kernel), [[10, 21, 2], [30, 43, 4]]
    )
    np.testing.assert_array_equal(bp.slid_filter(image, kernel), [[12], [34]])
    layer = bp.convolutional_layer(image, kernel)
    np.testing.assert_array_equal(np.ravel(layer(image[None, :, :, None])), [12, 34])


def test_one_path_loss_has_the_derivative_of_equation_19():
    rng = np.random.default_rng(5)
    z, y = rng.normal(size=3), np.array([0.0, 1.0, 0.0])
    shares = bp.softmax(z)
    found = bp.slope(lambda z: bp.loss_of_own_path(y[None], z[None]), z)
    np.testing.assert_allclose(found, -y * (1 - shares), atol=1e-12)
    meant = bp.slope(lambda z: paper_library.cross_entropy(y[None], z[None]), z)
    np.testing.assert_allclose(meant, shares - y, atol=1e-12)


def test_the_librarys_loop_computes_layers_again():
    for depth, computed in ((2, 4), (3, 8), (5, 19)):
        sizes = bp.Config().widths[: depth + 1]
        net = bp.draw_network(np.random.default_rng(6), sizes, "softmax")
        assert bp.library_backpropagation(net)[1] == computed


def test_three_ways_to_the_same_derivatives(deep):
    for way in bp.WAYS.values():
        for name, found in way(deep["softmax"]).items():
            np.testing.assert_allclose(found, deep["softmax"].stock_derivatives[name], atol=1e-12)


# --- Claims -------------------------------------------------------------------------------------


def verdict(claim, values):
    """Judge one claim on 40 seeds of one value."""
    alone = dataclasses.replace(TOML, claims=(claim,))
    seeds = [
        {"seed": seed, "shortened": {}, "data": {}, "measurements": values} for seed in range(40)
    ]
    (judged,) = judge.judge(alone, {claim.variant: seeds}, seeds={claim.variant: 40})
    return judged.verdict


def test_every_identity_and_shape_claim_turns_with_its_metric():
    for claim in TOML.claims:
        if claim.kind == "identity":
            assert verdict(claim, {claim.metric: 1e-15}) == judge.CONFIRMED, claim.id
            assert verdict(claim, {claim.metric: 1e-6}) == judge.REFUTED, claim.id
            assert verdict(claim, {claim.metric: math.inf}) == judge.REFUTED, claim.id
        elif claim.kind == "always":
            assert verdict(claim, {claim.metric: False}) == judge.REFUTED, claim.id
