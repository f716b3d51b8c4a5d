"""Tables of correlations: of complete rows only, and what cannot be told says why."""

import math

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from modelmap import benchmarks, correlate
from modelmap.benchmarks import MEASURES

LOSSES = [float((7 * i) % 13) for i in range(12)]


def make_points(n_benchmarks, untold=(), column=None):
    """Return 12 models in 6 families: b0 is minus the loss, the others are ever less like it."""
    n, losses = 12, LOSSES
    scores = {
        f"b{k}": [-loss + 3 * k * math.sin(5 * i + k) for i, loss in enumerate(losses)]
        for k in range(n_benchmarks)
    }
    names = [f"m{i}" for i in range(n)]
    models = pl.DataFrame({"model": names, "kept": True} | dict.fromkeys(MEASURES, losses))
    metadata = [
        {"model": f"m{i}", "family": f"f{i // 2}", "benchmark_name": None, "parent": ""}
        | {"params_b": float(1 + i % 5), "released": f"2024-{1 + i * 5 % 12:02d}"}
        | ({column: None} if i in untold else {})
        for i in range(n)
    ]
    return benchmarks.join(pl.DataFrame({"name": names} | scores), models, metadata)[0]


HOW = {"n_bootstrap": 50, "n_permutations": 200, "level": 0.9, "random_state": 0}


def correlations(points):
    return correlate.correlations(points, **HOW)


def test_a_row_for_each_benchmark_and_measure():
    found = correlations(make_points(3))
    assert set(found.select("benchmark", "measure").rows()) == {
        (benchmark, measure) for benchmark in ("b0", "b1", "b2", "mean") for measure in MEASURES
    }
    assert found.height == 12
    assert set(found["n_models"]) == {12}
    assert set(found["n_families"]) == {6}


def test_a_planted_correlation_is_recovered():
    row = correlations(make_points(1)).row(0, named=True)
    assert row["pearson"] == row["spearman"] == pytest.approx(-1)
    assert row["p"] < 0.05


def test_the_mean_is_left_out_of_the_adjustment():
    """Benjamini and Hochberg by hand, over the three benchmarks of one measure."""
    found = correlations(make_points(3)).filter(measure="nats_per_token")
    p = dict(found.filter(pl.col("benchmark") != "mean").select("benchmark", "p").rows())
    assert len(set(p.values())) > 1
    ranked = sorted(p.values())
    for row in found.rows(named=True):
        if row["benchmark"] == "mean":
            assert row["p_adjusted"] is None
            assert row["p"] is not None
        else:
            wanted = min(
                3 * q / rank for rank, q in enumerate(ranked, 1) if q >= p[row["benchmark"]]
            )
            assert row["p_adjusted"] == pytest.approx(min(wanted, 1))


def test_a_missing_score_leaves_out_that_model_alone():
    points = make_points(2)
    points = points.with_columns(b1=pl.when(pl.col("model") != "m3").then("b1"))
    points = points.with_columns(mean=pl.when(pl.col("model") != "m3").then("mean"))
    found = correlations(points).filter(measure="bits_per_byte")
    assert dict(found.select("benchmark", "n_models").rows()) == {"b0": 12, "b1": 11, "mean": 11}


def test_too_few_models_give_rows_without_numbers():
    found = correlations(make_points(2)[:3])
    assert found.height == 9
    for column in ("pearson", "pearson_low", "p", "p_adjusted", "partial_pearson"):
        assert found[column].is_null().all()
    assert set(found["note"]) == {"3 models; at least 4 needed"}
    assert correlations(make_points(2)[:0])["n_models"].to_list() == [0] * 9


def test_note():
    row = {"n_models": 9, "pearson": -0.456, "pearson_low": -0.7, "pearson_high": 0.1}
    row |= {"spearman": 0.5, "spearman_low": None, "spearman_high": None}
    assert correlate.note(row) == "r = −0.46 [−0.70, 0.10], ρ = 0.50, 9 models"
    assert correlate.note(row | {"pearson": None, "note": "why"}) == "why"


# Given parameters and date


def test_what_only_size_explains_is_gone_given_size():
    points = make_points(1)
    rng = np.random.default_rng(0)
    by_size = points["log_params"].to_numpy() + 0.02 * rng.normal(size=(2, 12))
    points = points.with_columns(b0=pl.Series(by_size[0]), nats_per_sample=pl.Series(-by_size[1]))
    found = correlations(points).filter(measure="nats_per_sample").row(0, named=True)
    assert found["pearson"] < -0.99
    assert abs(found["partial_pearson"]) < 0.8
    assert found["p_partial"] > 0.05
    assert found["partial_low"] < 0 < found["partial_high"]
    assert (found["n_models_partial"], found["note"]) == (12, None)


def test_a_date_that_is_not_told_leaves_out_that_model_alone():
    points = make_points(1, untold=[5], column="released")
    found = correlations(points)
    assert set(found["n_models"]) == {12}
    assert set(found["n_models_partial"]) == {11}
    assert found["note"].is_null().all()


def test_what_is_told_of_nobody_is_no_covariate():
    points = make_points(1, untold=range(12), column="released")
    found = correlations(points)
    assert found["partial_pearson"].is_null().all()
    assert found["pearson"].is_not_null().all()
    assert set(found["note"]) == {"partial: release date not told of 12 of 12 models"}


def test_scores_that_are_all_equal_say_so():
    points = make_points(2).with_columns(b1=pl.lit(3.0))
    found = correlations(points).filter(benchmark="b1")
    assert found["pearson"].is_null().all()
    assert set(found["note"]) == {"all scores are equal"}
    assert correlate.note(found.row(0, named=True)) == "all scores are equal"


def test_two_families_have_no_p():
    found = correlations(make_points(1)[:4])
    assert found["pearson"].is_not_null().all()
    assert found["p"].is_null().all()
    assert set(found["note"]) == {"2 families; intervals and p need at least 3"}


# By stratum


def strata(points):
    """Losses by stratum: one is minus b0, which the whole is not."""
    losses = points["nats_per_sample"].to_list()
    columns = {"all": losses, "text": (-points["b0"]).to_list(), "2": [7.0] * len(losses)}
    return pl.DataFrame(
        [
            {"model": model, "stratum": stratum, "nats_per_sample": loss}
            for stratum, values in columns.items()
            for model, loss in zip(points["model"], values, strict=True)
        ]
    )


def test_the_stratum_that_a_benchmark_goes_with_is_told():
    points = make_points(3).with_columns(b0=pl.Series(np.random.default_rng(1).normal(size=12)))
    found = correlate.by_stratum(points, strata(points), **HOW)
    assert found["stratum"].to_list() == ["all"] * 4 + ["text"] * 4 + ["2"] * 4
    row = found.filter(stratum="text", benchmark="b0").row(0, named=True)
    assert row["pearson"] == pytest.approx(-1)
    assert row["p_adjusted"] == pytest.approx(min(3 * row["p"], 1))
    assert found.filter(benchmark="mean")["p_adjusted"].null_count() == 3
    assert set(found.filter(stratum="2")["note"]) == {"all losses are equal"}
    whole = correlations(points).filter(measure="nats_per_sample")
    shared = ["benchmark", "n_models", "pearson", "spearman_low", "p", "p_adjusted"]
    assert_frame_equal(found.filter(stratum="all").select(shared), whole.select(shared))


def test_the_order_of_losses_changes_nothing():
    points = make_points(2)
    losses = strata(points)
    order = pl.col("stratum").replace_strict({"all": 0, "text": 1, "2": 2})
    mixed = losses.sort("model", descending=True).sort(order, maintain_order=True)
    assert not mixed.equals(losses)
    found = [correlate.by_stratum(points, table, **HOW) for table in (losses, mixed)]
    assert_frame_equal(*found)


def test_no_strata_give_an_empty_table():
    found = correlate.by_stratum(make_points(2)[:0], strata(make_points(1))[:0], **HOW)
    assert (found.height, found.columns[:3]) == (0, ["stratum", "benchmark", "measure"])
