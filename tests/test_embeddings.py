"""All embeddings of a map: none costs another, and the order of models changes nothing."""

import numpy as np
import pytest

from modelmap import embeddings
from modelmap.geometry import embedding
from modelmap.geometry.centering import double_center

SETTINGS = {
    "tsne": {"perplexity": 3, "metric": "euclidean", "max_iter": 250, "random_state": 0},
    "pca": {},
    "mds": {},
}


def make(n_models, settings=SETTINGS, order=None, released=None, n_ellipses=0, **noise):
    models = [f"m{i:02d}" for i in range(n_models)]
    Q = double_center(np.random.default_rng(0).normal(size=(n_models, 60)))
    order = range(n_models) if order is None else order
    return embeddings.embeddings(
        [models[i] for i in order],
        Q[list(order)],
        settings,
        noise=noise,
        released=released or {},
        groups=np.arange(60) // 2,
        n_ellipses=n_ellipses,
    )


def test_the_order_of_models_changes_nothing():
    order = np.random.default_rng(1).permutation(12)
    assert make(12, n_ellipses=10) == make(12, order=order, n_ellipses=10)
    dates = {"m03": "2023", "m07": "2022"}
    assert make(12, released=dates) == make(12, order=order, released=dates)


def test_too_few_models_for_one_method_are_enough_for_another():
    made = make(3)
    assert made["tsne"] == ([], {"absent": "t-SNE needs at least 4 models, there are 3"})
    assert [row["model"] for row in made["pca"][0]] == ["m00", "m01", "m02"]


def test_a_method_that_fails_says_so_and_costs_no_other(monkeypatch, capsys):
    def fail(Q):
        raise np.linalg.LinAlgError("did not converge")

    monkeypatch.setitem(embedding._METHODS, "pca", ("PCA", 2, fail))
    made = make(8)
    assert len(made["tsne"][0]) == len(made["mds"][0]) == 8
    rows, facts = made["pca"]
    assert not rows
    assert facts["absent"].startswith("pca failed (did not converge)")
    assert "Traceback" in capsys.readouterr().err


def test_no_memory_is_no_reason_but_an_error(monkeypatch):
    def fail(Q):
        raise MemoryError

    monkeypatch.setitem(embedding._METHODS, "pca", ("PCA", 2, fail))
    with pytest.raises(MemoryError):
        make(8)


def test_the_summary_has_a_row_for_every_method():
    table = embeddings.summary(make(12))
    assert table["method"].to_list() == list(SETTINGS)
    assert table["n_neighbors"].to_list() == [5] * 3
    assert table["chance"].to_list() == pytest.approx([5 / 11] * 3)
    assert table["trustworthiness"].is_between(0, 1).all()
    few = embeddings.summary(make(2))
    assert few["n_models"].to_list() == [0, 2, 2]
    assert few["absent"].is_null().to_list() == [False, True, True]
    assert few["trustworthiness"].is_null().all()
    assert embeddings.summary(make(1))["n_models"].to_list() == [0, 0, 0]
