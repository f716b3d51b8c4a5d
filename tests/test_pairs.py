"""Tables of pairs: what the definitions say, in whatever order it is asked."""

import math

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from modelmap import pairs, tables
from modelmap.geometry.centering import double_center
from modelmap.geometry.divergence import KL_LIMIT
from modelmap.pairs import contrasts, counts, distances_and_neighbors, families

MODELS = ["a", "b", "c", "d"]


def log_likelihoods(n_models=4, n_samples=120, seed=0):
    return np.random.default_rng(seed).normal(-40, 3, (n_models, n_samples))


def make_samples(n_samples, n_groups):
    groups = [f"g{i % n_groups}" for i in range(n_samples)]
    return pl.DataFrame({"group": groups, "n_bytes": [20 + i % 11 for i in range(n_samples)]})


def tables_of(L, models=MODELS, *, n_groups=60, level=0.95, noise=None):
    """Return the tables of distances and of neighbors."""
    samples, Q = make_samples(L.shape[1], n_groups), double_center(L)
    noise = [None] * len(models) if noise is None else noise
    *found, _ = distances_and_neighbors(
        models, Q, samples, noise=noise, level=level, n_bootstrap=50
    )
    return found


def distances_of(models, d2):
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
    columns = ("model_a", "model_b", "kl_nats", "kl_nats_low", "kl_nats_high")
    ends = {(a, b): rest for a, b, *rest in distances.select(columns).iter_rows()}
    for model in MODELS:
        rows = neighbors.filter(model=model)
        assert rows["rank"].to_list() == [1, 2, 3]
        assert set(rows["neighbor"]) == set(MODELS) - {model}
        assert rows["kl_nats"].is_sorted()
        assert rows["p_nearest"].sum() == pytest.approx(1)
        for row in rows.rows(named=True):
            found = ends[tuple(sorted((model, row["neighbor"])))]
            assert [row["kl_nats"], row["low"], row["high"]] == found


def test_the_order_of_models_and_samples_changes_nothing():
    rng = np.random.default_rng(2)
    L, samples = log_likelihoods(), make_samples(120, 60)
    how = {"noise": [0.1, 0.2, None, 0.4], "level": 0.95, "n_bootstrap": 50}
    straight = distances_and_neighbors(MODELS, double_center(L), samples, **how)
    columns, rows = rng.permutation(120), [2, 0, 3, 1]
    noise = how | {"noise": [how["noise"][i] for i in rows]}
    models = [MODELS[i] for i in rows]
    Q = double_center(L[rows][:, columns])
    mixed = distances_and_neighbors(models, Q, samples[columns], **noise)
    a, b = pl.col("model_a"), pl.col("model_b")
    turned = mixed[0].with_columns(model_a=pl.min_horizontal(a, b), model_b=pl.max_horizontal(a, b))
    assert_frame_equal(turned.sort("model_a", "model_b"), straight[0])
    assert_frame_equal(mixed[1].sort("model", "rank"), straight[1])


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
    for name in ("kl_nats_low", "kl_nats_high", "below_noise_floor"):
        assert distances[name].is_null().all()
    for name in ("low", "high", "p_nearest"):
        assert neighbors[name].is_null().all()


def test_the_floor_of_noise_is_taken_off_and_marks_pairs():
    L = log_likelihoods()
    L[1] = L[0] + 0.3 * log_likelihoods(seed=1)[0]  # d² about 0.81
    distances, _ = tables_of(L, noise=[0.5, 0.4, 0.01, None])
    for row in distances.rows(named=True):
        pair = row["model_a"] + row["model_b"]
        if "d" in pair:
            assert row["d2_corrected_nats2"] is row["below_noise_floor"] is None
            continue
        floor = sum({"a": 0.5, "b": 0.4, "c": 0.01}[name] for name in pair)
        assert row["d2_corrected_nats2"] == pytest.approx(max(row["d2_nats2"] - floor, 0))
        assert row["below_noise_floor"] == (pair == "ab")
    assert distances["d2_corrected_nats2"][0] == 0 < distances["d2_nats2"][0]
    assert counts(distances)["n_below_noise_floor"] == 1


def test_pairs_beyond_the_limit_of_the_kl_reading_are_marked():
    L = 0.3 * log_likelihoods()
    L[3] *= 10
    distances, _ = tables_of(L)
    beyond = distances["kl_bits_per_byte"] > KL_LIMIT
    assert (distances["beyond_kl_limit"] == beyond).all()
    assert counts(distances) == {
        "n_pairs": 6,
        "n_below_noise_floor": None,
        "n_beyond_kl_limit": 3,
        "kl_limit": KL_LIMIT,
    }
    assert set(distances.filter("beyond_kl_limit")["model_b"]) == {"d"}


def test_without_bytes_there_are_no_bits():
    samples = make_samples(120, 60).with_columns(n_bytes=pl.lit(None, pl.Int32))
    distances, _, _ = distances_and_neighbors(
        MODELS,
        double_center(log_likelihoods()),
        samples,
        noise=[None] * 4,
        level=0.9,
        n_bootstrap=5,
    )
    assert distances["kl_bits_per_byte"].is_null().all()
    assert distances["beyond_kl_limit"].is_null().all()


def test_of_many_models_the_nearest_of_each_are_listed(monkeypatch):
    """And what is said of them is the same as where all are."""
    names = [f"m{i:02}" for i in range(40)]
    L = log_likelihoods(40)
    L[20:] = L[:20] + 0.3 * log_likelihoods(20, seed=1)
    every, all_neighbors = tables_of(L, names, noise=[0.1] * 40)
    monkeypatch.setattr(pairs, "ALL_PAIRS", 39)
    monkeypatch.setattr(pairs, "N_NEAREST", 5)
    some, neighbors = tables_of(L, names, noise=[0.1] * 40)
    assert_frame_equal(neighbors, all_neighbors.filter(pl.col("rank") <= 5))
    listed = {tuple(sorted(row)) for row in neighbors.select("model", "neighbor").iter_rows()}
    assert set(some.select("model_a", "model_b").iter_rows()) == listed
    assert_frame_equal(some, every.join(some, on=["model_a", "model_b"], how="semi"))


def test_fewer_resamples_where_they_are_dear(monkeypatch):
    samples, Q = make_samples(120, 60), double_center(log_likelihoods())
    how = {"noise": [None] * 4, "level": 0.9, "n_bootstrap": 50}
    assert distances_and_neighbors(MODELS, Q, samples, **how)[2]["n_bootstrap"] == 50
    monkeypatch.setattr(pairs, "RESAMPLES", {"most": 1, "least": 7})
    _, neighbors, facts = distances_and_neighbors(MODELS, Q, samples, **how)
    assert facts["n_bootstrap"] == 7
    assert neighbors["p_nearest"].sum() == pytest.approx(4)


def test_rows_are_what_the_contracts_say(tmp_path):
    samples = make_samples(120, 60)
    Q = double_center(log_likelihoods())
    *frames, _ = distances_and_neighbors(
        MODELS, Q, samples, noise=[None] * len(MODELS), level=0.9, n_bootstrap=5
    )
    for frame, schema in zip(frames, (tables.DISTANCES, tables.NEIGHBORS), strict=True):
        tables.write(tmp_path / "file", schema, frame)
        assert_frame_equal(tables.read(tmp_path / "file", schema), frame, check_column_order=False)
        assert set(frame.columns) == set(schema.names)


def test_one_model_has_no_pair():
    distances, neighbors = tables_of(log_likelihoods(1), ["a"])
    assert distances.height == neighbors.height == 0


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
    return names, np.array(d2).reshape(len(names), len(names))


def test_the_nearest_outside_the_lineage():
    rows = families(*on_a_line(), SHEET)
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


def test_a_model_far_from_its_family_is_told():
    rows = families(*on_a_line(PLACES | {"y2": 1.5}), SHEET)
    (row,) = rows.filter(model="y2").rows(named=True)
    assert (row["nearest"], row["nearest_family"], row["same_family"]) == ("x2", "x", False)


def test_the_order_of_the_sheet_changes_nothing():
    first, second = (families(*on_a_line(), sheet) for sheet in (SHEET, SHEET[::-1]))
    assert first.equals(second)


def test_children_of_a_model_without_scores_are_of_one_lineage():
    siblings = [row | {"parent": "gone"} if row["model"][0] == "y" else row for row in SHEET]
    rows = families(*on_a_line(), [*siblings, {"model": "gone", "family": "y", "parent": ""}])
    assert not rows.filter(pl.col("family") == "y").height  # none outside the lineage to ask for


@pytest.mark.parametrize("places", [{}, {"x1": 0, "lone": 1}, {"x1": 0, "x1-sft": 1}])
def test_where_no_model_can_be_asked_there_are_no_rows(places):
    """One model or none makes no pair; two of one lineage have no family outside it."""
    rows = families(*on_a_line(places), SHEET)
    assert rows.height == 0
    assert rows.columns == ["model", "family", "nearest", "nearest_family", "same_family"]


# Contrasts


def test_contrasts_are_found_in_both_orders_and_keep_theirs():
    pairs = [
        {"a": "y2", "b": "y1", "shows": "second first"},
        {"a": "x1", "b": "gone", "shows": "left out"},
        {"a": "lone", "b": "x1", "shows": "last"},
    ]
    found = contrasts(distances_of(*on_a_line()), pairs)
    assert found.rows() == [
        ("y2", "y1", "second first", 0.5, 0.25, 1.0),
        ("lone", "x1", "last", 450.0, 225.0, 900.0),
    ]


def test_no_contrasts():
    assert contrasts(distances_of(*on_a_line()), []).height == 0
    gone = [{"a": "x", "b": "y", "shows": "z"}]
    assert contrasts(distances_of(*on_a_line({})), gone).columns == [
        "a",
        "b",
        "shows",
        "kl_nats",
        "low",
        "high",
    ]


def test_marks_of_a_pair_are_those_of_both_its_models():
    distances, neighbors = tables_of(log_likelihoods(), noise=[1e3, 1e3, 0.0, 0.0])
    marked = pairs.marked(neighbors, distances, 2)
    assert marked.drop("below_noise_floor", "beyond_kl_limit").equals(
        neighbors.filter(pl.col("rank") <= 2)
    )
    of = {
        tuple(sorted(row[:2])): row[2:]
        for row in marked.select("model", "neighbor", "below_noise_floor", "beyond_kl_limit").rows()
    }
    told = distances.select("model_a", "model_b", "below_noise_floor", "beyond_kl_limit").rows()
    assert {(a, b): marks for a, b, *marks in told if (a, b) in of} == {
        pair: [*marks] for pair, marks in of.items()
    }
    assert of.get(("a", "b"), (True,))[0]
