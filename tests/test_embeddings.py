"""All embeddings of a map: none costs another, and the order of models changes nothing."""

import numpy as np
import pytest

from modelmap import embeddings
from modelmap.figures.axes import faithfulness
from modelmap.geometry import embedding
from modelmap.geometry.centering import double_center

SETTINGS = {
    "tsne": {"perplexity": 3, "metric": "euclidean", "max_iter": 250, "random_state": 0},
    "pca": {},
    "mds": {},
}


def make(n_models, settings=SETTINGS, order=None, released=None, n_ellipses=0, **noise):
    models = [f"m{i:02d}" for i in range(n_models)]
    Q = np.random.default_rng(0).normal(size=(n_models, 60))
    Q = double_center(Q) if n_models else Q
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


def test_ellipses_stand_in_the_rows_of_methods_that_have_them():
    made = make(8, n_ellipses=12)
    for rows, facts in made.values():
        assert facts["resamples"] == 12
        assert all(row["ellipse_xx"] > 0 and row["ellipse_yy"] > 0 for row in rows)
    assert "ellipse_xx" not in make(8)["pca"][0][0]
    models, Q = ["a", "b", "c"], double_center(np.random.default_rng(0).normal(size=(3, 9)))
    alone = embeddings.embeddings(
        models, Q, {"pca": {}}, noise={}, released={}, groups=np.zeros(9), n_ellipses=12
    )
    assert "resamples" not in alone["pca"][1]


def test_of_many_models_fewer_resamples_are_drawn(monkeypatch):
    monkeypatch.setattr(embeddings, "RESAMPLES", {"most": 1200, "least": 11})
    assert make(8, n_ellipses=50)["pca"][1]["resamples"] == 18
    assert make(12, n_ellipses=50)["pca"][1]["resamples"] == 11
    assert make(12, n_ellipses=10)["pca"][1]["resamples"] == 10


def test_of_very_many_models_there_are_no_ellipses_but_a_reason(monkeypatch):
    monkeypatch.setattr(embeddings, "MOST_WITH_ELLIPSES", 11)
    assert "no_ellipses" not in make(11, n_ellipses=10)["pca"][1]
    for rows, facts in make(12, n_ellipses=10).values():
        assert "resamples" not in facts
        assert "ellipse_xx" not in rows[0]
        assert faithfulness(facts).endswith("; no ellipses of more than 11 models")
    assert "no_ellipses" not in make(12)["pca"][1]


def test_identical_models_are_placed_and_have_ellipses_of_no_size():
    Q = np.zeros((6, 60))
    made = embeddings.embeddings(
        list("abcdef"),
        Q,
        SETTINGS,
        noise={},
        released={},
        groups=np.arange(60),
        n_ellipses=10,
    )
    for method in ("pca", "mds"):
        assert all(row["x"] == row["ellipse_xx"] == 0 for row in made[method][0])
    assert len(made["tsne"][0]) == 6


def test_components_add_up():
    table = embeddings.components(make(12))
    assert table["component"].to_list() == list(range(1, 12))
    assert table["share"].is_sorted(descending=True)
    assert table["cumulative"][-1] == pytest.approx(1)
    assert embeddings.components(make(1)).is_empty()


@pytest.mark.parametrize("n_models", [0, 1, 2])
def test_hardly_any_model_is_no_error(n_models):
    made = make(n_models, n_ellipses=10)
    assert [len(rows) for rows, _ in made.values()] == [0] + [2 * (n_models == 2)] * 2
