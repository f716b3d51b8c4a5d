import numpy as np
import pytest

from modelmap.geometry import token_divergence as module
from modelmap.geometry.token_divergence import token_divergence


def distributions(n_tokens=7, n_vocabulary=11, seed=0):
    p = np.random.default_rng(seed).dirichlet(np.ones(n_vocabulary), size=n_tokens)
    return np.log(p)


def test_it_is_the_sum_over_the_vocabulary():
    log_p, log_q = distributions(), distributions(seed=1)
    expected = [
        sum(np.exp(a) * (a - b) for a, b in zip(p, q, strict=True))
        for p, q in zip(log_p, log_q, strict=True)
    ]
    np.testing.assert_allclose(token_divergence(log_p, log_q), expected)


def test_of_a_model_with_itself_it_is_zero():
    log_p = distributions()
    np.testing.assert_array_equal(token_divergence(log_p, log_p), 0)


def test_what_is_impossible_costs_nothing_and_what_another_thinks_so_everything():
    log_p, log_q = np.log([[0.5, 0.5, 0.25e-300]]), np.log([[0.25, 0.75, 1e-300]])
    with np.errstate(divide="ignore"):
        sure = np.log([[1.0, 0.0]])
    np.testing.assert_allclose(token_divergence(sure, np.log([[0.25, 0.75]])), np.log(4))
    assert token_divergence(np.log([[0.25, 0.75]]), sure)[0] == np.inf
    assert token_divergence(log_p, log_q)[0] == pytest.approx(np.log(4 / 3) / 2)


def test_blocks_change_nothing(monkeypatch):
    log_p, log_q = distributions(), distributions(seed=1)
    whole = token_divergence(log_p, log_q)
    monkeypatch.setattr(module, "_BLOCK", 25)
    np.testing.assert_array_equal(token_divergence(log_p, log_q), whole)


def test_of_no_tokens_there_is_none():
    assert token_divergence(np.empty((0, 5)), np.empty((0, 5))).shape == (0,)
