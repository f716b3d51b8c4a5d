"""Tables of pairs: what the definitions say, in whatever order it is asked."""

import math

import numpy as np
import polars as pl
import pytest

from modelmap import tables
from modelmap.geometry.centering import double_center
from modelmap.pairs import contrasts, distances_and_neighbors, families, square

MODELS = ["a", "b", "c", "d"]


def log_likelihoods(n_models=4, n_samples=120, seed=0):
    return np.random.default_rng(seed).normal(-40, 3, (n_models, n_samples))


def make_samples(n_samples, n_groups):
    groups = [f"g{i % n_groups}" for i in range(n_samples)]
    return pl.DataFrame({"group": groups, "n_bytes": [20 + i % 11 for i in range(n_samples)]})


def tables_of(L, models=MODELS, *, n_groups=60, level=0.95):
    """Return the tables of distances and of neighbors."""
    samples, Q = make_samples(L.shape[1], n_groups), double_center(L)
    found = distances_and_neighbors(
        models, Q, samples, noise=[None] * len(models), level=level, n_bootstrap=50
    )
    types = [pl.from_arrow(s.empty_table()).schema for s in (tables.DISTANCES, tables.NEIGHBORS)]
    return [pl.DataFrame(rows, schema) for rows, schema in zip(found, types, strict=True)]


def distances_of(d2, models):
    """Return a table of distances with the values of a symmetric array."""
    rows = [
        {"model_a": models[i], "model_b": models[j], "d2_nats2": d2[i][j], "kl_nats": d2[i][j] / 2}
        for i in range(len(models))
        for j in range(i + 1, len(models))
    ]
    types = {"model_a": pl.String, "model_b": pl.String, "d2_nats2": pl.Float64}
    return pl.DataFrame(rows, types | {"kl_nats": pl.Float64}).with_columns(
        kl_nats_low=pl.col("kl_nats") / 2, kl_nats_high=pl.col("kl_nats") * 2
    )


# Distances and neighbors


def test_every_pair_stands_once_in_the_order_of_names():
    distances, _ = tables_of(log_likelihoods())
    pairs = list(zip(distances["model_a"], distances["model_b"], strict=True))
    assert pairs == [(a, b) for a in MODELS for b in MODELS if a < b]


def test_distances_are_what_they_are_defined_to_be():
    L = log_likelihoods()
    distances, _ = tables_of(L)
    mean_bytes = make_samples(120, 60)["n_bytes"].mean()
    for row in distances.rows(named=True):
        difference = L[MODELS.index(row["model_a"])] - L[MODELS.index(row["model_b"])]
        kl = np.var(difference) / 2
        assert row["d2_nats2"] == pytest.approx(2 * kl)
        assert row["kl_nats"] == pytest.approx(kl)
        assert row["kl_bits_per_byte"] == pytest.approx(kl / mean_bytes / math.log(2))
        assert row["kl_nats_low"] < row["kl_nats"] < row["kl_nats_high"]


def test_a_higher_level_gives_a_wider_interval():
    narrow, _ = tables_of(log_likelihoods(), level=0.5)
    wide, _ = tables_of(log_likelihoods(), level=0.99)
    assert (wide["kl_nats_low"] < narrow["kl_nats_low"]).all()
    assert (narrow["kl_nats_high"] < wide["kl_nats_high"]).all()


def test_neighbors_are_all_others_nearest_first_as_in_the_distances():
    distances, neighbors = tables_of(log_likelihoods())
    ends = {(a, b): rest for a, b, *rest in distances.drop("d2_nats2").iter_rows()}
    for model in MODELS:
        rows = neighbors.filter(model=model)
        assert rows["rank"].to_list() == [1, 2, 3]
        assert set(rows["neighbor"]) == set(MODELS) - {model}
        assert rows["kl_nats"].is_sorted()
        assert rows["p_nearest"].sum() == pytest.approx(1)
        for row in rows.rows(named=True):
            kl, _, low, high, _ = ends[tuple(sorted((model, row["neighbor"])))]
            assert (row["kl_nats"], row["low"], row["high"]) == (kl, low, high)


def test_a_planted_neighbor_is_first_and_sure():
    L = log_likelihoods()
    L[3] = L[0] + 0.1 * log_likelihoods(seed=1)[0]
    _, neighbors = tables_of(L)
    first = {row["model"]: row for row in neighbors.filter(rank=1).rows(named=True)}
    assert (first["a"]["neighbor"], first["d"]["neighbor"]) == ("d", "a")
    assert first["a"]["p_nearest"] == first["d"]["p_nearest"] == 1


def test_models_that_differ_by_a_constant_are_one_point():
    L = log_likelihoods()
    L[2] = L[1] - 5
    distances, _ = tables_of(L)
    (row,) = distances.filter(model_a="b", model_b="c").rows(named=True)
    assert row["kl_nats"] == pytest.approx(0, abs=1e-12)
    assert row["kl_nats_high"] == pytest.approx(0, abs=1e-9)


def test_one_image_gives_no_interval():
    distances, neighbors = tables_of(log_likelihoods(), n_groups=1)
    assert distances["kl_nats"].is_not_null().all()
    for column in (distances["kl_nats_low"], distances["kl_nats_high"], neighbors["low"]):
        assert column.is_null().all()


def test_rows_are_what_the_contracts_say(tmp_path):
    samples = make_samples(120, 60)
    Q = double_center(log_likelihoods())
    rows = distances_and_neighbors(
        MODELS, Q, samples, noise=[None] * len(MODELS), level=0.9, n_bootstrap=5
    )
    for part, schema in zip(rows, (tables.DISTANCES, tables.NEIGHBORS), strict=True):
        tables.write(tmp_path / "file", schema, part)
        assert tables.read(tmp_path / "file", schema).height == len(part)
        assert set(part[0]) <= set(schema.names)


def test_one_model_has_no_pair():
    distances, neighbors = tables_of(log_likelihoods(1), ["a"])
    assert distances.height == neighbors.height == 0


def test_square_undoes_the_list_of_pairs():
    L = log_likelihoods()
    distances, _ = tables_of(L)
    for order in (MODELS, MODELS[::-1]):
        d2 = square(distances.sample(fraction=1, shuffle=True, seed=0), order)
        rows = [L[MODELS.index(name)] for name in order]
        wanted = [[np.var(a - b) for b in rows] for a in rows]
        np.testing.assert_allclose(d2, wanted, atol=1e-9)


# Families

SHEET = [
    {"model": "x1", "family": "x", "parent": ""},
    {"model": "x1-sft", "family": "x", "parent": "x1"},
    {"model": "x1-merge", "family": "x", "parent": "x1,x1-sft"},
    {"model": "x2", "family": "x", "parent": ""},
    {"model": "y1", "family": "y", "parent": "not on the map"},
    {"model": "y2", "family": "y", "parent": ""},
    {"model": "lone", "family": None, "parent": ""},
    {"model": "not on the map", "family": "y", "parent": ""},
]
PLACES = {"x1": 0, "x1-sft": 0.1, "x1-merge": 0.2, "x2": 1, "y1": 10, "y2": 11, "lone": 30}


def on_a_line(places=PLACES):
    names = sorted(places)
    d2 = [[(places[a] - places[b]) ** 2 for b in names] for a in names]
    return distances_of(d2, names)


def test_the_nearest_outside_the_lineage():
    rows, summary = families(on_a_line(), SHEET, n_permutations=50)
    found = {row["model"]: row for row in rows.rows(named=True)}
    assert {name: row["nearest"] for name, row in found.items()} == {
        "x1": "x2",
        "x1-sft": "x2",
        "x1-merge": "x2",
        "x2": "x1-merge",
        "y1": "y2",
        "y2": "y1",
    }
    assert all(row["same_family"] for row in found.values())
    assert (summary["accuracy"], summary["n_models"]) == (1, 6)
    assert 0 <= summary["null_mean"] < 1
    assert 0 < summary["p"] <= 1


def test_a_model_far_from_its_family_is_told():
    rows, summary = families(on_a_line(PLACES | {"y2": 1.5}), SHEET, n_permutations=50)
    (row,) = rows.filter(model="y2").rows(named=True)
    assert (row["nearest"], row["nearest_family"], row["same_family"]) == ("x2", "x", False)
    assert summary["accuracy"] == pytest.approx(4 / 6)


def test_the_order_of_the_sheet_changes_nothing():
    first, one = families(on_a_line(), SHEET, n_permutations=50)
    second, two = families(on_a_line(), SHEET[::-1], n_permutations=50)
    assert first.sort("model").equals(second.sort("model"))
    assert (one["accuracy"], one["n_models"]) == (two["accuracy"], two["n_models"])


@pytest.mark.parametrize("places", [{}, {"x1": 0, "lone": 1}, {"x1": 0, "x1-sft": 1}])
def test_where_no_model_can_be_asked_there_are_no_rows(places):
    """One model or none makes no pair; two of one lineage have no family outside it."""
    rows, summary = families(on_a_line(places), SHEET, n_permutations=5)
    assert rows.height == 0
    assert rows.columns == ["model", "family", "nearest", "nearest_family", "same_family"]
    assert summary["n_models"] == 0
    assert math.isnan(summary["accuracy"])
    assert math.isnan(summary["p"])


# Contrasts


def test_contrasts_are_found_in_both_orders_and_keep_theirs():
    pairs = [
        {"a": "y2", "b": "y1", "shows": "second first"},
        {"a": "x1", "b": "gone", "shows": "left out"},
        {"a": "lone", "b": "x1", "shows": "last"},
    ]
    found = contrasts(on_a_line(), pairs)
    assert found.rows() == [
        ("y2", "y1", "second first", 0.5, 0.25, 1.0),
        ("lone", "x1", "last", 450.0, 225.0, 900.0),
    ]


def test_no_contrasts():
    assert contrasts(on_a_line(), []).height == 0
    gone = [{"a": "x", "b": "y", "shows": "z"}]
    assert contrasts(on_a_line({}), gone).columns == ["a", "b", "shows", "kl_nats", "low", "high"]
