"""Tables of predicted scores: what is planted is told, what cannot be told says why."""

import math

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from modelmap import benchmarks, predict

N_SAMPLES = 40


def make(n=48, n_benchmarks=2, size=3, seed=0, **columns):
    """Return what `arrange` takes: models in families of `size`, whose b0 is in the coordinates."""
    rng = np.random.default_rng(seed)
    names = [f"m{i:02d}" for i in range(n)]
    Q = rng.normal(size=(n, N_SAMPLES)) * 3
    Q -= Q.mean(axis=1, keepdims=True)
    scores = {"b0": 50 + Q[:, :3].sum(axis=1)}
    scores |= {f"b{k}": rng.normal(50, 9, n) for k in range(1, n_benchmarks)}
    table = pl.DataFrame({"name": names} | {k: v.tolist() for k, v in scores.items()})
    measures = {m: rng.normal(40, 3, n).tolist() for m in benchmarks.MEASURES}
    models = pl.DataFrame({"model": names, "kept": [True] * n} | measures)
    empty = {"parent": "", "language_model": None, "params_b": None, "released": None}
    sheet = [
        {"model": name, "family": f"f{i // size}", "benchmark_name": None} | empty
        for i, name in enumerate(names)
    ]
    for column, values in columns.items():
        for row, value in zip(sheet, values, strict=False):
            row[column] = value
    return table, models, names, Q, sheet


def arrange(table, models, names, Q, sheet):
    points, _ = benchmarks.join(table, models, sheet)
    return predict.arrange(points, names, Q, sheet)


def run(case, protocol="default", n_permutations=99):
    how = {"n_permutations": n_permutations, "random_state": 0}
    return predict.predict(case, protocol=protocol, **how)


def row(summary, benchmark, predictor=predict.COORDINATES, **more):
    return summary.filter(benchmark=benchmark, predictor=predictor, **more).row(0, named=True)


def test_planted_score_stands_out_of_all_predictors():
    summary, predicted = run(arrange(*make()))
    assert summary["benchmark"].unique(maintain_order=True).to_list() == ["b0", "b1", "mean"]
    found = row(summary, "b0")
    assert found["r2"] > 0.8
    assert found["p"] == 0.01
    assert found["p_adjusted"] == 0.02  # of two benchmarks, the mean left out
    assert (found["n_models"], found["n_families"], found["n_groups"]) == (48, 16, 16)
    assert row(summary, "b1")["p"] > 0.05
    assert row(summary, "mean")["p"] is not None
    assert row(summary, "mean")["p_adjusted"] is None
    assert row(summary, "b0", "training mean")["r2"] == 0
    others = summary.filter(pl.col("predictor") != predict.COORDINATES, benchmark="b0")
    assert others["r2"].max() < found["r2"]
    own = predicted.filter(benchmark="b0")
    assert own["model"].to_list() == [f"m{i:02d}" for i in range(48)]
    error = (own["score"] - own["predicted"]).abs().mean()
    assert found["mae"] == pytest.approx(error)


def test_each_baseline_uses_its_own_column():
    """b1 is a line of one of them; it is missing for one model, which gets the training mean."""
    rng = np.random.default_rng(1)
    params = [float(x) for x in rng.uniform(1, 70, 48)]
    dates = [f"20{rng.integers(10, 26)}-{rng.integers(1, 13):02d}" for _ in range(48)]
    table, models, names, Q, sheet = make(params_b=params, released=dates)
    told = {"log parameters": [math.log(x) for x in params]}
    told |= {"release date": [int(d[:4]) + (int(d[5:]) - 0.5) / 12 for d in dates]}
    told |= {predict.MEAN_LOG_LIKELIHOOD: models["nats_per_sample"].to_list()}
    for predictor, values in told.items():
        here = table.with_columns(b1=pl.Series(values))
        summary, _ = run(arrange(here, models, names, Q, sheet), n_permutations=1)
        assert row(summary, "b1", predictor)["r2"] == pytest.approx(1)
        others = [*(told.keys() - {predictor}), "nearest neighbor", predict.COORDINATES]
        assert max(row(summary, "b1", other)["r2"] for other in others) < 0.3
    sheet[5]["params_b"] = None
    summary, _ = run(arrange(table, models, names, Q, sheet), n_permutations=1)
    note = "not told of 1 models: their training mean"
    assert row(summary, "b0", "log parameters")["note"] == note
    for line in sheet:
        line["params_b"] = None
    summary, _ = run(arrange(table, models, names, Q, sheet), n_permutations=1)
    found = row(summary, "b0", "log parameters")
    assert (found["r2"], found["note"]) == (None, "told of none of the models")


def test_what_is_held_out_together():
    """By lineage (through a model without a score too) and backbone, else by family."""
    table, models, names, Q, sheet = make(8, size=1)
    sheet[1]["parent"] = "m00"
    sheet[2]["parent"] = "elsewhere,m03"
    for i in (4, 5):
        sheet[i]["language_model"] = "L"
    sheet[7]["family"] = sheet[6]["family"]
    sheet[5]["family"] = sheet[6]["family"]  # its backbone is told: the family does not count
    case = arrange(table.filter(pl.col("name") != "m03"), models, names, Q, sheet)
    held = dict(case.models.select("model", "held_out_with").rows())
    expected = {"m00": "m00", "m01": "m00", "m02": "m02", "m04": "m04", "m05": "m04"}
    assert held == expected | {"m06": "m06", "m07": "m06"}


def test_the_order_of_rows_changes_nothing():
    table, models, names, Q, sheet = make(30, seed=3)
    table = table.with_columns(b1=pl.when(pl.col("name") != "m07").then("b1"))
    order = np.random.default_rng(0).permutation(30)
    mixed = [table[order], models[::-1], [names[i] for i in order], Q[order], sheet[::-1]]
    samples = pl.DataFrame({"sample_id": [f"s{i:02d}" for i in range(N_SAMPLES)], "stratum": None})
    cases = arrange(table, models, names, Q, sheet), arrange(*mixed)
    for one, other in (
        *zip(*(run(case) for case in cases), strict=True),
        [predict.leakage(case) for case in cases],
        [predict.strongest_samples(case, samples) for case in cases],
    ):
        assert_frame_equal(one, other)


def test_a_missing_score_leaves_out_that_model_alone():
    table, *rest = make(n_benchmarks=3)
    holes = table.with_columns(b0=pl.when(pl.col("name") != "m07").then("b0"))
    summary, predicted = run(arrange(holes, *rest))
    counts = {b: row(summary, b)["n_models"] for b in ("b0", "b1", "b2", "mean")}
    assert counts == {"b0": 47, "b1": 48, "b2": 48, "mean": 47}
    assert "m07" not in predicted.filter(benchmark="b0")["model"].to_list()
    without = [table.filter(pl.col("name") != "m07"), *rest]
    assert row(summary, "b0")["r2"] == pytest.approx(row(run(arrange(*without))[0], "b0")["r2"])
    leaks = predict.leakage(arrange(holes, *rest))
    assert leaks.height == 48
    last = leaks.filter(model="m07").row(0, named=True)
    assert (last["z"], last["note"]) == (None, "lacks a score")


def test_scores_that_are_all_equal():
    table, *rest = make()
    case = arrange(table.with_columns(b1=pl.lit(3.0)), *rest)
    summary, _ = run(case)
    found = row(summary, "b1")
    assert (found["r2"], found["p"], found["note"]) == (None, None, predict.CONSTANT)
    assert row(summary, "b0")["r2"] > 0.8
    summary, _ = run(case, "oyama2025")
    assert row(summary, "b1", folds="model")["note"] == predict.CONSTANT
    assert dict(predict.panels(summary))["b1"] == predict.CONSTANT


@pytest.mark.parametrize("protocol", ["default", "oyama2025"])
@pytest.mark.parametrize(("n", "size"), [(0, 1), (1, 1), (3, 1), (12, 12)])
def test_too_few_models_or_families_say_so(protocol, n, size):
    case = arrange(*make(max(n, 1), size=size))
    case = case.of(np.arange(len(case.Q)) < n)
    summary, predicted = run(case, protocol)
    rows = summary.filter(predictor=predict.COORDINATES)
    assert set(rows["benchmark"]) >= {"b0", "b1", "mean"}
    assert rows["note"].str.contains("needed").all()
    assert rows.select("r2", "p", "pearson").null_count().row(0) == (rows.height,) * 3
    assert predicted.is_empty()
    assert all("needed" in text for _, text in predict.panels(summary))
    leaks = predict.leakage(case)
    assert leaks["note"].str.contains("needed").all()
    assert leaks.height == max(n, 1)
    points, [(_, text)] = predict.leakage_panel(leaks)
    assert points.is_empty()
    assert "needed" in text
    samples = pl.DataFrame({"sample_id": ["s"] * N_SAMPLES, "stratum": None})
    assert predict.strongest_samples(case, samples)["note"].str.contains("needed").all()


def test_planted_leak_is_listed_first():
    table, models, *rest = make(n_benchmarks=4)
    scores = table.drop("name").to_numpy()
    loss = 40 - scores.sum(axis=1) / 20
    loss[11] -= 9
    models = models.with_columns(nats_per_sample=pl.Series(loss))
    leaks = predict.leakage(arrange(table, models, *rest))
    first = leaks.row(0, named=True)
    assert first["model"] == "m11"
    assert first["z"] > 10
    assert first["predicted"] - first["nats_per_sample"] == pytest.approx(9, abs=2)
    points, panels = predict.leakage_panel(leaks)
    assert points.columns == ["benchmark", "model", "predicted", "score"]
    assert set(points["benchmark"]) == {name for name, _ in panels}


def test_strongest_samples_are_those_of_the_planted_score():
    ids = [f"s{i:02d}" for i in range(N_SAMPLES)]
    samples = pl.DataFrame({"sample_id": ids, "stratum": ["a"] * 20 + [None] * 20})
    found = predict.strongest_samples(arrange(*make()), samples).filter(benchmark="b0")
    assert found["rank"].to_list() == list(range(1, predict.STRONGEST + 1))
    assert set(found["sample_id"][:3]) == {"s00", "s01", "s02"}
    assert found["weight"].abs().is_sorted(descending=True)
    assert found["weight"][:3].to_list() == pytest.approx([1] * 3, abs=0.2)
    assert set(found["stratum"][:3]) == {"a"}


def test_published_protocol():
    table, models, names, Q, sheet = make(60, n_benchmarks=3)
    table = table.with_columns(b2=pl.when(pl.col("name") != "m07").then("b2"))
    summary, predicted = run(arrange(table, models, names, Q, sheet), "oyama2025")
    assert set(summary["protocol"]) == {"oyama2025"}
    assert set(summary["n_models"]) == {59}
    for folds in ("family", "model"):
        found = row(summary, "b0", folds=folds)
        assert found["pearson"] > 0.9
        assert 0 <= found["pearson_std"] < 0.1
        assert found["pearson_averaged"] > 0.9
        assert row(summary, predict.MEAN_LOG_LIKELIHOOD, folds=folds)["spearman"] is not None
    losses = dict(models.select("model", "nats_per_sample").rows())
    complete = table.drop_nulls()
    straight = np.corrcoef(complete["b1"], [-losses[name] for name in complete["name"]])[0, 1]
    baseline = row(summary, "b1", predict.MEAN_LOG_LIKELIHOOD)
    assert baseline["pearson"] == pytest.approx(straight)
    assert predicted.filter(benchmark="b0").height == 59
    (name, text), *_ = predict.panels(summary)
    assert name == "b0"
    assert text.startswith("r = 0.9")
    assert len(predict.panels(summary)) == 5


def test_what_panels_say():
    summary, _ = run(arrange(*make()))
    told = dict(predict.panels(summary))
    assert told["b0"].startswith("R² = 0.")
    assert told["b0"].endswith("p = 0.01")
    assert "R² = \u2212" in told["b1"]
