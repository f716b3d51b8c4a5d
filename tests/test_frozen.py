"""What is kept of a map, and how models join it: old rows and places stay to the last bit."""

import json

import numpy as np
import polars as pl
import pytest

from modelmap import embeddings, frozen, gather, joining, tables
from modelmap.geometry.centering import double_center

NAMES = [f"m{i}" for i in range(9)]
SAMPLES = pl.DataFrame(
    {
        "sample_id": [f"s{i}" for i in range(40)],
        "group": [f"g{i // 2}" for i in range(40)],
        "n_bytes": pl.Series(range(20, 60), dtype=pl.Int32),
        "stratum": [None, "a"] * 20,
    }
)
L = np.random.default_rng(0).normal(-40, 5, size=(9, 40))
SETTINGS = {
    "tsne": {"perplexity": 2, "metric": "euclidean", "max_iter": 250, "random_state": 0},
    "pca": {},
    "mds": {},
}
NOISE = dict.fromkeys(NAMES, 0.01) | {"m3": None}


@pytest.fixture
def reference(tmp_path):
    """A frozen map of all models but the last two, written and read."""
    means = L[:7].mean(axis=0)
    made = embeddings.embeddings(
        NAMES[:7],
        double_center(L[:7]),
        SETTINGS,
        noise=NOISE,
        released={},
        groups=np.arange(L.shape[1]),
        n_ellipses=10,
    )
    made["umap"] = [], {"absent": "no time for it"}
    facts = frozen.facts(
        SAMPLES.with_columns(weight=pl.lit(None, pl.Float64)),
        {"column_means": means.tolist(), "threshold": -55.5},
        {
            method: (pl.DataFrame(rows, tables_schema()), footer)
            for method, (rows, footer) in made.items()
        },
        settings={"clip": 0.02},
    )
    scored = {name: dict.fromkeys(frozen.OF_THE_MODEL) for name in NAMES[:7]}
    scored["m2"] |= {"nats_per_token": 3.5}
    said = {"m1": {"label": "Model one", "family": "f", "params_b": 0.5}}
    path = tmp_path / "reference.parquet"
    more = frozen.about(NAMES[:7], scored, said)
    tables.write_vectors(path, tables.REFERENCE, NAMES[:7], L[:7], facts, more=more)
    return path


def tables_schema():
    return {"model": pl.String, "x": pl.Float64, "y": pl.Float64}


def joined(reference, order=range(9), names=NAMES):
    """Centered rows and places of all models on the frozen map."""
    held = frozen.read(reference)
    means, _ = frozen.centering(held, SAMPLES["sample_id"])
    Q = double_center(L[list(order)], column_means=means)
    methods = [*SETTINGS, "umap", "isomap"]
    some = [names[i] for i in order]
    return some, Q, joining.placed(held, some, Q, noise=NOISE, methods=methods)


def test_what_is_kept_is_read_back(reference):
    held = frozen.read(reference)
    np.testing.assert_array_equal(held.L, L[:7])
    assert held.names == NAMES[:7]
    means, threshold = frozen.centering(held, SAMPLES["sample_id"][::-1][:5])
    np.testing.assert_array_equal(means, L[:7].mean(axis=0)[::-1][:5])
    assert threshold == -55.5
    table = tables.read(reference, tables.REFERENCE, columns=["model", "label", "family"])
    assert table.rows()[:2] == [("m0", "m0", None), ("m1", "Model one", "f")]


def test_frozen_rows_stand_before_others_and_bring_what_they_alone_tell(reference):
    held = frozen.read(reference)
    beside = gather.Rows(["m6", "x"], -L[:2, ::-1], SAMPLES["sample_id"].to_list()[::-1], {})
    rows = frozen.rows(held, beside=beside)
    assert rows.names == [*NAMES[:7], "x"]
    np.testing.assert_array_equal(rows.L, np.vstack([L[:7], -L[1]]))
    found = gather.gather(SAMPLES, {}, noise={}, level=0.95, rows=rows)
    np.testing.assert_array_equal(found.L, rows.L)
    assert found.models[2]["nats_per_token"] == 3.5
    assert found.models[2]["nats_per_sample"] == pytest.approx(-L[2].mean())


def test_samples_that_the_map_lacks_are_left_out_and_others_refused(reference):
    held = frozen.read(reference)
    more = pl.concat([SAMPLES[::-1], SAMPLES[:2].with_columns(sample_id=pl.lit("new"))])
    assert frozen.known(more, held).equals(SAMPLES[::-1])
    with pytest.raises(frozen.OtherSamples, match=r"1 of the frozen map's 40 .*first is s3 \("):
        frozen.known(SAMPLES.filter(pl.col("sample_id") != "s3"), held)
    longer = SAMPLES.with_columns(n_bytes=pl.col("n_bytes") + 1)
    with pytest.raises(frozen.OtherSamples, match="40 of the frozen map's 40"):
        frozen.known(longer, held)


def test_samples_that_count_otherwise_than_on_the_map_are_refused(reference):
    """A map of a subset, and the same samples without it; and the other way round."""
    plain = frozen.read(reference)
    subset = SAMPLES.with_columns(weight=pl.Series(np.linspace(0.5, 1.5, 40)))
    facts = plain.facts | {"samples": subset.select(frozen.SAMPLE).to_dict(as_series=False)}
    of_subset = plain._replace(facts=json.loads(json.dumps(facts)))
    assert frozen.known(subset[::-1], of_subset).equals(subset[::-1])
    assert frozen.known(SAMPLES, plain).equals(SAMPLES)
    with pytest.raises(frozen.OtherSamples, match=r"weight 0\.5; here .* no weight\).*NAME.subset"):
        frozen.known(SAMPLES, of_subset)
    with pytest.raises(frozen.OtherSamples, match=r"no weight; here .* weight 0\.5\)"):
        frozen.known(subset, plain)
    other = subset.with_columns(pl.col("weight").reverse())
    with pytest.raises(frozen.OtherSamples, match="40 of the frozen map's 40"):
        frozen.known(other, of_subset)


def test_old_models_stay_to_the_last_bit(reference):
    held = frozen.read(reference)
    models, Q, made = joined(reference)
    np.testing.assert_array_equal(Q[:7], double_center(L[:7]))
    assert set(made) == {*SETTINGS, "umap", "isomap"}
    for method in SETTINGS:
        rows, facts = made[method]
        before = held.facts["embeddings"][method]
        assert [row["model"] for row in rows] == models
        assert [row["x"] for row in rows][:7] == before["x"]
        assert [row["y"] for row in rows][:7] == before["y"]
        assert np.isfinite([row["x"] for row in rows]).all()
        assert facts["n_frozen"] == 7
        assert facts["parameters"] == before["parameters"]
    assert made["umap"] == ([], {"absent": "not on the frozen map: no time for it"})
    assert "not made then" in made["isomap"][1]["absent"]


def test_a_method_says_how_faithful_the_whole_map_is(reference):
    *_, made = joined(reference)
    assert 0 <= made["pca"][1]["trustworthiness"] <= 1
    assert len(made["pca"][1]["explained_variance"]) == 6


def test_a_new_model_stands_where_it_would_alone_and_in_any_order(reference):
    *_, made = joined(reference)
    *_, alone = joined(reference, order=[*range(7), 8])
    *_, mixed = joined(reference, order=[8, 3, 1, 0, 2, 7, 6, 5, 4])
    for method in SETTINGS:
        row = made[method][0][8]
        assert alone[method][0][7] == row
        assert {r["model"]: r for r in mixed[method][0]}["m8"] == row


def test_drift_is_a_share_of_the_diameter(reference):
    models, Q, made = joined(reference)
    placed = {m: pl.DataFrame(rows, tables_schema()) for m, (rows, _) in made.items()}
    drifted = joining.drift(frozen.read(reference), models, Q, placed, noise=NOISE)
    assert drifted["method"].unique(maintain_order=True).to_list() == [*SETTINGS]
    assert drifted.filter("joined", method="pca")["model"].to_list() == ["m7", "m8"]
    some = drifted.filter(method="pca")
    xy, redrawn = some.select("x", "y").to_numpy(), some.select("x_redrawn", "y_redrawn").to_numpy()
    diameter = max(np.linalg.norm(a - b) for a in xy[:7] for b in xy[:7])
    expected = np.linalg.norm(xy - redrawn, axis=1) / diameter
    np.testing.assert_allclose(some["moved"].to_numpy(), expected)
    row = joining.summary(drifted, n_samples=39, n_samples_frozen=40).row(1, named=True)
    assert (row["method"], row["n_frozen"], row["n_joined"]) == ("pca", 7, 2)
    assert (row["n_samples"], row["n_samples_frozen"]) == (39, 40)
    assert row["median"] == pytest.approx(np.median(expected[:7]))
    assert row["largest"] == pytest.approx(expected[:7].max())


def test_points_stay_but_rows_get_shorter_where_a_new_model_misses_samples(reference):
    held, ids = frozen.read(reference), SAMPLES["sample_id"]
    means, _ = frozen.centering(held, ids[:-1])
    Q = double_center(L[:, :-1], column_means=means)
    made = joining.placed(held, NAMES, Q, noise=NOISE, methods=SETTINGS)
    whole = double_center(L[:7])
    assert np.abs(Q[:7] - whole[:, :-1]).max() > 1e-3  # row means are of fewer samples
    for method in SETTINGS:
        assert [row["x"] for row in made[method][0]][:7] == held.facts["embeddings"][method]["x"]


def test_a_map_that_nothing_joins_is_told_of_as_well(reference):
    models, Q, made = joined(reference, order=range(7))
    placed = {m: pl.DataFrame(rows, tables_schema()) for m, (rows, _) in made.items()}
    drifted = joining.drift(frozen.read(reference), models, Q, placed, noise=NOISE)
    summary = joining.summary(drifted, n_samples=40, n_samples_frozen=40)
    assert summary["n_joined"].to_list() == [0, 0, 0]
    assert summary.filter(method="pca")["largest"].item() < 1e-9
    nothing = joining.drift(frozen.read(reference), models, Q, {}, noise=NOISE)
    assert nothing.is_empty()
    assert joining.summary(nothing, n_samples=40, n_samples_frozen=40).is_empty()
