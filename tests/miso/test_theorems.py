"""The two theorems in the paper's appendix, by enumeration over small discrete distributions.

A channel is a table P(qbar | q, k); with the distribution of (Q, K) it gives the exact value of the loss
L = I(K; Qbar) - I(Q; Qbar).
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

NINE_TO_ONE = np.array([0.9, 0.1])


def entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def information(joint: np.ndarray) -> float:
    return entropy(joint.sum(axis=0)) + entropy(joint.sum(axis=1)) - entropy(joint)


def all_three(pairs: np.ndarray, channel: np.ndarray) -> np.ndarray:
    """P(q, k, qbar) from P(q, k) and P(qbar | q, k)."""
    return pairs[:, :, None] * channel


def loss(pairs: np.ndarray, channel: np.ndarray) -> float:
    joint = all_three(pairs, channel)
    return information(joint.sum(axis=0)) - information(joint.sum(axis=1))


def with_k(pairs: np.ndarray, channel: np.ndarray) -> float:
    return information(all_three(pairs, channel).sum(axis=0))


def determined(pairs: np.ndarray, channel: np.ndarray) -> bool:
    """Whether Qbar determines Q: no value of Qbar stands for two of Q."""
    joint = all_three(pairs, channel).sum(axis=1)
    return bool(((joint > 0).sum(axis=0) <= 1).all())


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    return float(abs(p - q).sum() / 2)


def mapping(rule, n_q: int, n_k: int, n_out: int) -> np.ndarray:
    channel = np.zeros((n_q, n_k, n_out))
    for q, k in itertools.product(range(n_q), range(n_k)):
        channel[q, k, rule(q, k)] = 1
    return channel


def mappings(n_q: int, n_k: int, n_out: int):
    """Every deterministic channel."""
    for values in itertools.product(range(n_out), repeat=n_q * n_k):
        yield mapping(lambda q, k, values=values: values[q * n_k + k], n_q, n_k, n_out)


def binary_channels(levels=(0.0, 0.25, 0.5, 1.0)):
    """Binary Qbar for binary Q and K, each P(qbar = 1 | q, k) on a grid."""
    for values in itertools.product(levels, repeat=4):
        one = np.array(values).reshape(2, 2)
        yield np.stack([1 - one, one], axis=2)


INDEPENDENT = [
    np.outer(NINE_TO_ONE, [0.5, 0.5]),
    np.outer([0.5, 0.5], [0.3, 0.7]),
    np.outer([0.7, 0.3], [0.2, 0.8]),
]
DEPENDENT = [np.array([[0.4, 0.1], [0.1, 0.4]]), np.array([[0.6, 0.1], [0.05, 0.25]])]


@pytest.mark.parametrize("pairs", INDEPENDENT)
def test_theorem_1_the_least_loss_is_minus_the_entropy_of_q(pairs) -> None:
    """And it is reached iff Qbar determines Q and is independent of K."""
    least = -entropy(pairs.sum(axis=1))
    reached = 0
    for channel in itertools.chain(mappings(2, 2, 3), binary_channels()):
        value = loss(pairs, channel)
        assert value >= least - 1e-12
        optimal = determined(pairs, channel) and with_k(pairs, channel) < 1e-12
        assert (value < least + 1e-12) == optimal
        reached += optimal
    assert reached >= 6  # copies under all names that three values allow


@pytest.mark.parametrize("pairs", DEPENDENT)
def test_theorem_1_is_out_of_reach_where_q_and_k_depend_on_each_other(pairs) -> None:
    """Whatever determines Q says what Q says about K. The least loss is then minus H(Q | K), a copy's."""
    conditional = entropy(pairs) - entropy(pairs.sum(axis=0))
    assert conditional < entropy(pairs.sum(axis=1)) - 0.05
    values = [loss(pairs, channel) for channel in itertools.chain(mappings(2, 2, 3), binary_channels())]
    assert min(values) == pytest.approx(-conditional)
    assert loss(pairs, mapping(lambda q, k: q, 2, 2, 2)) == pytest.approx(-conditional)


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 4), st.integers(1, 5))
def test_no_channel_passes_the_bounds(seed, n_q, n_k, n_out) -> None:
    rng = np.random.default_rng(seed)
    pairs = rng.dirichlet(np.full(n_q * n_k, 0.5)).reshape(n_q, n_k)
    channel = rng.dirichlet(np.full(n_out, 0.2), size=(n_q, n_k))
    conditional = entropy(pairs) - entropy(pairs.sum(axis=0))
    assert loss(pairs, channel) >= -conditional - 1e-9
    assert -conditional >= -entropy(pairs.sum(axis=1)) - 1e-9


def test_a_copy_independent_of_k_reaches_it_exactly() -> None:
    pairs = np.outer([0.5, 0.25, 0.25], [0.3, 0.7])
    assert loss(pairs, mapping(lambda q, k: q, 3, 2, 3)) == pytest.approx(-1.5 * math.log(2))


def test_theorem_2_counterexample() -> None:
    """P(Q) = (.9, .1), Qbar = 1 - Q: the optimum of the loss, at a distance of .8 from Q's distribution."""
    pairs = np.outer(NINE_TO_ONE, [0.5, 0.5])
    relabelled = mapping(lambda q, k: 1 - q, 2, 2, 2)
    assert loss(pairs, relabelled) == pytest.approx(-entropy(NINE_TO_ONE))
    marginal = all_three(pairs, relabelled).sum(axis=(0, 1))
    assert total_variation(NINE_TO_ONE, marginal) == pytest.approx(0.8)


def test_theorem_2_holds_for_a_copy_and_whatever_else_has_the_marginal_of_q() -> None:
    pairs = np.outer(NINE_TO_ONE, [0.5, 0.5])
    copy = mapping(lambda q, k: q, 2, 2, 2)
    assert loss(pairs, copy) == pytest.approx(-entropy(NINE_TO_ONE))
    assert total_variation(NINE_TO_ONE, all_three(pairs, copy).sum(axis=(0, 1))) == 0
    even = np.outer([0.5, 0.5], [0.5, 0.5])  # here relabelling keeps the marginal
    flipped = mapping(lambda q, k: 1 - q, 2, 2, 2)
    assert loss(even, flipped) == pytest.approx(-math.log(2))
    assert total_variation(np.array([0.5, 0.5]), all_three(even, flipped).sum(axis=(0, 1))) == 0


@pytest.mark.parametrize("pairs", INDEPENDENT)
def test_the_optima_on_the_values_of_q_are_its_relabellings(pairs) -> None:
    """So the distance of Theorem 2 is 0 for exactly those that keep the shares."""
    shares = pairs.sum(axis=1)
    optima = [c for c in mappings(2, 2, 2) if loss(pairs, c) < -entropy(shares) + 1e-12]
    distances = sorted(total_variation(shares, all_three(pairs, c).sum(axis=(0, 1))) for c in optima)
    assert distances == pytest.approx([0, abs(shares[0] - shares[1])])
