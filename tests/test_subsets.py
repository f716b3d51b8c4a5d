"""Subsets of a dataset: what is in them, what they stand for, and how far off they are."""

import math

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from modelmap import subsets, tables
from modelmap.gather import weighted
from modelmap.geometry import sampling
from modelmap.geometry.centering import double_center
from modelmap.geometry.divergence import squared_distances

N = 240
FAMILIES = ["a", "a", "b", "b", "c", "c", "d", None]
MODELS = [f"m{i}" for i in range(len(FAMILIES))]
HOW = {"methods": ["uniform", "ls", "kl"], "sizes": [0.1, 0.5]}
HOW |= {"n_repeats": 60, "random_state": 0}


def log_likelihoods(seed=0):
    """Families that differ each on samples of its own, all more on some."""
    rng = np.random.default_rng(seed)
    difficult = rng.lognormal(0, 0.7, N)
    family = {name: rng.normal(size=N) for name in sorted(set(FAMILIES), key=str)}
    return np.array([-40 + difficult * (family[f] + 0.5 * rng.normal(size=N)) for f in FAMILIES])


def make_samples(size=2):
    groups = [f"g{i // size:03}" for i in range(N)]
    ids = [f"s{i:03}" for i in range(N)]
    return pl.DataFrame({"sample_id": ids, "group": groups})


@pytest.fixture(scope="module")
def Q():
    return double_center(log_likelihoods())


@pytest.fixture(scope="module")
def table(Q):
    return subsets.errors(MODELS, Q, make_samples(), FAMILIES, **HOW)[0]


# Errors


def test_errors_are_as_expected_and_fall_with_size(table):
    assert table.height == 2 * (3 * 2 + 1)
    for row in table.rows(named=True):
        assert row["tau1"] == pytest.approx(row["tau1_expected"], rel=0.2)
        assert row["tau1_low"] < row["tau1"] < row["tau1_high"]
        assert row["n_groups"] <= row["n_drawn"] == round(row["size"] * N / 2)
        assert row["n_samples"] == pytest.approx(2 * row["n_groups"])
    for _, rows in table.group_by("evaluated_on", "method"):
        assert rows.sort("size")["tau1"].is_sorted(descending=True)


def test_choosing_pays_less_for_families_that_did_not_choose(table):
    tau = {
        (on, method): table.filter(evaluated_on=on, method=method, size=0.5)["tau1_expected"][0]
        for on in ("held out", "all")
        for method in HOW["methods"]
    }
    assert tau["all", "kl"] < tau["held out", "kl"] < tau["held out", "uniform"]


def test_the_sampling_error_of_the_whole_is_added(table):
    for _, rows in table.group_by("evaluated_on"):
        (whole,) = rows.filter(method="uniform", size=1).rows(named=True)
        for k in "12":
            expected = np.hypot(rows[f"tau{k}"], whole[f"tau{k}"])
            np.testing.assert_allclose(rows[f"epsilon{k}"], expected)


def test_the_order_of_models_samples_and_methods_changes_nothing(Q, table):
    rng = np.random.default_rng(1)
    models, order = rng.permutation(len(MODELS)), rng.permutation(N)
    again, _ = subsets.errors(
        [MODELS[i] for i in models],
        Q[models][:, order],
        make_samples()[order],
        [FAMILIES[i] for i in models],
        **HOW | {"methods": ["kl", "uniform"], "sizes": [0.5, 0.1]},
    )
    by = ["evaluated_on", "method", "size"]
    assert_frame_equal(again.sort(by), table.filter(pl.col("method") != "ls").sort(by))


def test_whole_families_are_held_out():
    families = [f or m for f, m in zip(FAMILIES, MODELS, strict=True)]
    folds = subsets._folds(families)
    assert sorted(np.concatenate(folds)) == list(range(len(MODELS)))
    for held in folds:
        inside = {families[i] for i in held}
        assert inside.isdisjoint(families[i] for i in range(len(MODELS)) if i not in held)
        assert len(inside) > 1
    assert [list(held) for held in subsets._folds(["a", "a", "b", "b"])] == [[0, 1], [2, 3]]
    assert subsets._folds(["a"] * 4) == []
    assert subsets._folds(["a", "b"]) == []


def test_one_family_is_told_to_be_its_own_judge(Q):
    table, note = subsets.errors(MODELS, Q, make_samples(), ["a"] * len(MODELS), **HOW)
    assert set(table["evaluated_on"]) == {"all"}
    assert "of models that chose them" in note
    assert "there are 1 families" in note


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_models_have_no_errors(Q, n):
    table, note = subsets.errors(MODELS[:n], Q[:n], make_samples(), FAMILIES[:n], **HOW)
    assert (table.height, table.columns) == (0, list(subsets.SCHEMA))
    assert (
        note == f"Errors of subsets need 2 models and 2 groups of samples, there are {n} and 120."
    )


def test_models_that_are_equal_have_no_errors(Q):
    table, note = subsets.errors(MODELS, 0 * Q, make_samples(), FAMILIES, **HOW)
    assert table.is_empty()
    assert "needs models that differ" in note


def test_without_a_draw_that_could_tell_a_pair_apart_no_error_is_expected():
    """Families a and c differ on some samples, b and d, from which those are told, on others."""
    Q, sign = np.zeros((8, N)), np.tile([1.0, 1, -1, -1], N // 4)
    Q[0, :20], Q[4, :20] = sign[:20], 2 * sign[:20]
    Q[2, 20:], Q[6, 20:] = 3 * sign[20:], -2 * sign[20:]
    families = ["a", "a", "b", "b", "c", "c", "d", "d"]
    table, _ = subsets.errors(MODELS, Q, make_samples(), families, **HOW)
    chosen = table.filter(evaluated_on="held out")
    assert chosen.filter(method="uniform")["tau1_expected"].null_count() == 0
    assert not table["tau1_expected"].is_infinite().any()
    assert chosen.filter(method="kl")["tau1_expected"].null_count() == 2


def test_the_note_tells_how_many_samples_are_enough():
    rows = pl.DataFrame({"n_samples": [10.0, 40.0, 160.0], "tau1": [0.4, 0.2, 0.05]})
    assert subsets._enough(rows) == "80"  # the error goes with the root of the number
    assert subsets._enough(rows[:2]) == "more than 40"
    assert subsets._enough(rows[2:]) == "160 or fewer"


def test_of_much_data_fewer_pairs_and_draws(Q, table, monkeypatch):
    monkeypatch.setattr(subsets, "PAIRS", 10)
    monkeypatch.setattr(subsets, "RUNS", {"most": 1, "least": 4})
    few, _ = subsets.errors(MODELS, Q, make_samples(), FAMILIES, **HOW)
    assert set(few["n_runs"]) == {4}
    assert set(few["n_pairs"]) == {10}
    joined = few.join(table, on=["evaluated_on", "method", "size"])
    ratio = joined["tau1_expected"] / joined["tau1_expected_right"]
    assert ratio.is_between(0.6, 1.6).all()


# Subsets


def chosen(Q, samples, method="kl", size=0.2, random_state=0):
    how = {"methods": [method], "sizes": [size], "random_state": random_state}
    (found,) = subsets.choose(MODELS, Q, samples, **how)
    return found


@pytest.mark.parametrize("method", sampling.METHODS)
def test_a_subset_has_all_samples_of_the_groups_drawn(Q, method, tmp_path):
    samples = make_samples(size=3)
    rows, facts = chosen(Q, samples, method=method)
    drawn = samples.filter(pl.col("group").is_in(rows["group"].unique().to_list()))
    assert_frame_equal(rows.select("sample_id", "group"), drawn)
    by_group = rows.unique("group")
    assert by_group["count"].sum() == facts["n_drawn"] == 16
    assert (facts["n_groups"], facts["n_samples"]) == (80, N)
    weight = (rows["count"] / (16 * rows["probability"])).sqrt()
    np.testing.assert_allclose(rows["weight"], weight)
    assert rows.rows() == chosen(Q, samples, method=method)[0].rows()
    assert rows.rows() != chosen(Q, samples, method=method, random_state=1)[0].rows()
    tables.write(tmp_path / "subset", tables.SUBSET, rows, facts)
    assert tables.read(tmp_path / "subset", tables.SUBSET).height == rows.height
    assert tables.provenance(tmp_path / "subset") == facts


def test_the_order_of_models_and_samples_changes_no_subset(Q):
    rng = np.random.default_rng(2)
    models, order = rng.permutation(len(MODELS)), rng.permutation(N)
    first, _ = chosen(Q, make_samples())
    second, _ = chosen(Q[models][:, order], make_samples()[order])
    assert_frame_equal(second.sort("sample_id"), first)


def test_of_equal_models_there_is_no_subset_but_a_reason(Q):
    rows, facts = chosen(0 * Q, make_samples())
    assert rows.is_empty()
    assert facts["reason"] == "kl sampling needs models that differ, and no two of 8 do"
    assert chosen(0 * Q, make_samples(), method="uniform")[0].height


def test_two_groups_are_drawn_at_least():
    assert [subsets.n_drawn(size, 58) for size in (0.001, 0.1, 1)] == [2, 6, 58]


@pytest.mark.parametrize("size", [1, 3])
def test_a_dataset_that_is_a_subset_has_the_distances_that_the_errors_are_of(Q, size):
    L, samples = log_likelihoods(), make_samples(size)
    subset, facts = chosen(Q, samples, size=0.5)
    some = weighted(samples.join(subset, on="sample_id", how="semi"), subset, facts["n_samples"])
    here = samples["sample_id"].is_in(subset["sample_id"].implode()).to_numpy()
    d2 = squared_distances(double_center(L[:, here], weights=some["weight"].to_numpy()))

    squared = np.zeros(N)
    squared[here] = subset["weight"].to_numpy() ** 2
    i, j = np.triu_indices(len(MODELS), 1)
    delta = L[i] - L[j]
    delta -= np.average(delta, axis=1, weights=squared)[:, None]
    np.testing.assert_allclose(d2[i, j], (delta**2 * squared).sum(axis=1) / N)
    off = d2[i, j] - squared_distances(Q)[i, j]
    error = math.sqrt((off**2).sum() / (squared_distances(Q)[i, j] ** 2).sum())
    assert error < 0.15
