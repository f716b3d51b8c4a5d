"""Tables of theory: known divergences come out, under whatever order of models and samples."""

import numpy as np
import polars as pl
import pytest

from modelmap import theory
from modelmap.geometry.token_divergence import token_divergence

MODELS = ["a", "b", "c"]
FAMILIES = {"a": "f", "b": "f", "c": "g"}
IDS = {"s": [1, 2], "t": [3], "u": [0, 1, 2]}
GROUPS = {"s": "x", "t": "y", "u": "z"}
N = 40


def distributions():
    rng = np.random.default_rng(0)
    return {m: (np.log(rng.dirichlet(np.ones(5), 6)), IDS, "v") for m in MODELS}


# By tokens


def test_a_texts_divergence_is_the_sum_over_its_tokens():
    given = distributions()
    table = theory.token_level(given, GROUPS, level=0.95)
    assert table.select("model_a", "model_b").rows() == [("a", "b"), ("a", "c"), ("b", "c")]
    row = table.row(1, named=True)
    assert row["kl_ab"] == pytest.approx(token_divergence(given["a"][0], given["c"][0]).sum() / 3)
    assert row["kl_ba"] == pytest.approx(token_divergence(given["c"][0], given["a"][0]).sum() / 3)
    assert row["kl_ab_low"] < row["kl_ab"] < row["kl_ab_high"]


def test_models_with_other_tokens_are_not_compared():
    given = distributions()
    given["b"] = given["b"][0], IDS | {"t": [3, 0], "u": [1, 2]}, "v"
    given["d"] = given["a"][0], IDS, "w"
    table = theory.token_level(given, GROUPS, level=0.95)
    assert table.select("model_a", "model_b").rows() == [("a", "c")]
    assert theory.token_level({}, {}, level=0.95).is_empty()


def test_of_texts_that_one_model_cannot_score_the_others_are_compared():
    given = distributions()
    whole = theory.token_level(given, GROUPS, level=0.95)
    log_p, ids, vocabulary = given["b"]
    given["b"] = log_p[[3, 4, 5, 0, 1]], {"u": ids["u"], "s": ids["s"]}, vocabulary
    table = theory.token_level(given, GROUPS, level=0.95)
    assert table.row(1) == whole.row(1)
    p, q, rows = given["a"][0], log_p, [0, 1, 3, 4, 5]
    exact = token_divergence(p[rows], q[rows]).sum() / 2
    assert table["kl_ab"][0] == pytest.approx(exact)
    given["b"] = log_p[:0], {}, vocabulary
    assert theory.token_level(given, GROUPS, level=0.95).rows() == [whole.row(1)]


# By texts


def gaussians(n, seed=0):
    """Texts are numbers: models are normal distributions of one width, of known KL divergence."""
    rng, means = np.random.default_rng(seed), {"a": 0.0, "b": 1.0, "c": 2.0}
    ids = [f"s{i}" for i in range(n)]
    drawn = {m: rng.normal(means[m], size=n) for m in MODELS}

    def log_p(model, x):
        return -((x - means[model]) ** 2) / 2

    texts = {
        m: pl.DataFrame(
            {
                "sample_id": ids,
                "text": [f"{x}" for x in drawn[m]],
                "log_likelihood": log_p(m, drawn[m]) / 2,
                "end_log_likelihood": log_p(m, drawn[m]) / 2,
                "token_ids": [[1, 2]] * n,
                "canonical": True,
            }
        )
        for m in MODELS
    }
    judged = {
        m: pl.concat(
            pl.DataFrame(
                {
                    "sample_id": ids,
                    "variant": theory.written_by(writer),
                    "log_likelihood": log_p(m, drawn[writer]) / 2,
                    "end_log_likelihood": log_p(m, drawn[writer]) / 2,
                    "status": "ok",
                }
            )
            for writer in MODELS
            if writer != m
        )
        for m in MODELS
    }
    return texts, judged, {sample: sample for sample in ids}


def test_divergence_from_texts_is_the_known_one():
    table = theory.text_level(*gaussians(8_000), level=0.95)
    for row, exact in zip(table.rows(named=True), (0.5, 2, 0.5), strict=True):
        assert row["kl_ab"] == pytest.approx(exact, rel=0.06)
        assert row["kl_ba"] == pytest.approx(exact, rel=0.06)
    covered = []
    for seed in range(100):
        found = theory.text_level(*gaussians(N, seed), level=0.95).row(1, named=True)
        covered.append(found["kl_ab_low"] < 2 < found["kl_ab_high"])
    assert 0.9 < np.mean(covered) < 0.99


def test_texts_that_no_text_or_no_score_stands_for_are_left_out():
    texts, judged, groups = gaussians(N)
    before = theory.text_level(texts, judged, groups, level=0.95).row(0, named=True)
    lost = pl.col("sample_id") == "s0"
    texts["a"] = texts["a"].with_columns(text=pl.when(~lost).then("text"))
    judged["b"] = judged["b"].with_columns(
        status=pl.when(lost).then(pl.lit("x")).otherwise("status")
    )
    after = theory.text_level(texts, judged, groups, level=0.95).row(0, named=True)
    assert after["kl_ab"] != before["kl_ab"]
    assert after["kl_ba"] == before["kl_ba"]
    assert theory.writers(texts)["readable"].to_list() == [1 - 1 / N, 1, 1]
    texts["a"] = texts["a"].with_columns(text=pl.lit(None, pl.String))
    nothing = theory.text_level(texts, judged, groups, level=0.95).row(0, named=True)
    assert nothing["kl_ab"] is None
    assert nothing["kl_ba"] == before["kl_ba"]


def test_of_a_text_that_was_cut_beginnings_are_compared():
    texts, judged, groups = gaussians(N)
    texts["a"] = texts["a"].with_columns(end_log_likelihood=pl.lit(None, pl.Float64))
    row = theory.text_level(texts, judged, groups, level=0.95).row(0, named=True)
    whole = theory.text_level(*gaussians(N), level=0.95).row(0, named=True)
    assert row["kl_ab"] == pytest.approx(whole["kl_ab"] / 2)
    assert theory.writers(texts)["cut"].to_list() == [1, 0, 0]


def test_order_changes_nothing():
    texts, judged, groups = gaussians(N)
    back = [
        {m: frame.sample(fraction=1, shuffle=True, seed=1) for m, frame in reversed(some.items())}
        for some in (texts, judged)
    ]
    table, again = (
        theory.text_level(*some, groups, level=0.95) for some in ((texts, judged), back)
    )
    assert table["model_a"].equals(again["model_a"])
    np.testing.assert_allclose(table.drop("model_a", "model_b"), again.drop("model_a", "model_b"))


# Against the estimate


def estimated():
    """Divergences of models, and scores on texts of b, whose d²/2 is 0.5, 2 and 0.5."""
    ids = [f"t{i}" for i in range(4000)]
    x = np.random.default_rng(3).normal(1, size=len(ids))
    scores = {
        m: pl.DataFrame(
            {
                "sample_id": ids,
                "variant": "given",
                "log_likelihood": -((x - mean) ** 2) / 4,
                "end_log_likelihood": -((x - mean) ** 2) / 4,
            }
        )
        for mean, m in enumerate(MODELS)
    }
    distances = pl.DataFrame(
        [("a", "b", 0.5), ("a", "c", 2.0), ("b", "c", 0.5)],
        ["model_a", "model_b", "kl_nats"],
        orient="row",
    )
    table = theory.text_level(*gaussians(8_000), level=0.95)
    return theory.with_estimates(table, distances, scores, ids, FAMILIES)


def test_half_the_squared_distance_is_the_divergence_of_normal_models():
    """Here 2 KL = d² holds exactly: the log-likelihoods' difference is linear."""
    table = estimated()
    np.testing.assert_allclose(table["estimate_with_end"], [0.5, 2, 0.5], rtol=0.1)
    np.testing.assert_allclose(table["kl_mean"], table["estimate"], rtol=0.05)
    assert table["same_family"].to_list() == [True, False, False]


def test_agreement_is_told_for_all_pairs_and_for_parts():
    found = theory.agreement({"text": estimated(), "token": estimated()[:0]})
    whole = found.filter(level="text", estimate="estimate", kl="mean", pairs="all")
    assert whole["n_pairs"].item() == 3
    assert whole["pearson"].item() > 0.999
    assert whole["ratio"].item() == pytest.approx(1, rel=0.06)
    assert found.filter(level="text", pairs="1 to 10 nats")["n_pairs"].to_list() == [1] * 4
    few = found.filter(level="text", pairs="1 to 10 nats", kl="mean")
    assert few["pearson"].null_count() == few.height  # of one pair there is no correlation
    nothing = found.filter(level="token")
    assert nothing["n_pairs"].sum() == 0
    assert nothing["ratio"].null_count() == nothing.height == 10


# Between models


def test_between_models_of_a_family_of_distributions_all_is_as_expected():
    """Log-likelihoods that are linear lie on the plane; what is added to them is told."""
    rng = np.random.default_rng(4)
    corners, grid = rng.normal(size=(3, 300)), [(0, 0), (1, 0), (0, 1), (0.4, 0.4)]
    w = np.array(grid)
    L = corners[0] + w @ (corners[1:] - corners[0])
    points = theory.between(("o", "f", "s"), grid, L)
    np.testing.assert_allclose(points["plane"], points["actual"])
    np.testing.assert_allclose(points["off_line"], 0, atol=1e-12)
    assert points["expected"][3] > points["plane"][3]
    L[3] += rng.normal(size=300)
    off = theory.between(("o", "f", "s"), grid, L)
    assert off["off_line"][3] == pytest.approx(0.5, rel=0.2)
    summary = theory.interpolation_summary(points, {("o", "f", "s"): 60.0}).row(0, named=True)
    assert (summary["origin"], summary["angle_degrees"]) == ("o", 60)
    assert summary["error_plane"] == pytest.approx(0, abs=1e-12)
    assert summary["pearson_plane"] == pytest.approx(1)
    assert theory.interpolation_summary(points[:0], {}).is_empty()
