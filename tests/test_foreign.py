"""Matrices of others: the forms they may have, and what is wrong with one, at its place."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelmap import foreign, tables
from modelmap.foreign import Matrix
from modelmap.gather import STATUS, Rows, gather
from modelmap.matrix_files import InvalidMatrix
from modelmap.validation import InvalidInput

NAMES = ["org/b", "a (v1.5)", "C"]
L = np.array([[-1.5, -2, -3, -40], [-2.25, -3, math.nan, -1], [-9, -8, -7, -6.125]])
NUMBERS = pl.List(pl.Float64)
SAMPLES = {
    "sample_id": ["s 1", "s,2", "3", "é"],
    "group": ["g", "g", "h", "h"],
    "n_bytes": [10, 20, None, 5],
    "stratum": ["x", None, "x", "y"],
}


@pytest.fixture(autouse=True)
def _working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_parquet(values=L, names=NAMES, samples=None, kind=NUMBERS, **more):
    rows = [None if row is None else list(row) for row in values]
    columns = {"model": names, "log_likelihood": pl.Series(rows, dtype=kind, strict=False)}
    pl.DataFrame(columns | more).write_parquet("m.parquet")
    if samples is not None:
        pl.DataFrame(samples).write_csv("m.samples.csv")
    return "m.parquet"


def write_text(path="m.csv", values=L, names=NAMES, samples=SAMPLES):
    columns = samples | dict(zip(names, values, strict=True))
    separator = "," if path.endswith("csv") else "\t"
    frame = pl.DataFrame(columns).with_columns(pl.col(names).fill_nan(None))
    Path(path).write_bytes(b"\xef\xbb\xbf" + frame.write_csv(separator=separator).encode())
    return path


def problem(path):
    with pytest.raises(InvalidMatrix) as error:
        foreign.read(path)
    assert "\n" not in str(error.value)
    return str(error.value)


# Forms


@pytest.mark.parametrize("form", ["parquet", "csv", "tsv"])
def test_all_forms_say_the_same(form):
    path = write_parquet(samples=SAMPLES) if form == "parquet" else write_text(f"m.{form}")
    found = foreign.read(path)
    assert found.names == foreign.names(path) == NAMES
    np.testing.assert_array_equal(found.L, L)
    assert found.samples.to_dict(as_series=False) == SAMPLES


@pytest.mark.parametrize(
    "kind", [pl.List(pl.Float32), pl.Array(pl.Float64, 4), pl.List(pl.Int64)], ids=str
)
def test_numbers_may_be_of_any_kind(kind):
    whole = np.round(np.nan_to_num(L, nan=-2))
    found = foreign.read(write_parquet(whole, kind=kind))
    assert found.L.dtype == np.float64
    np.testing.assert_array_equal(found.L, whole)


def test_samples_of_which_nothing_is_told_are_numbered_from_0_and_groups_of_their_own():
    samples = foreign.read(write_parquet()).samples
    assert samples["sample_id"].to_list() == samples["group"].to_list() == ["0", "1", "2", "3"]
    assert samples["n_bytes"].is_null().all()
    assert samples["stratum"].is_null().all()
    Path("m.samples.tsv").write_text("n_bytes\n1\n2\n3\n4\n")
    samples = foreign.read("m.parquet").samples
    assert samples["sample_id"].to_list() == ["0", "1", "2", "3"]
    assert samples["n_bytes"].to_list() == [1, 2, 3, 4]


def test_what_the_workflow_has_gathered_is_a_matrix():
    rows = Rows(sorted(NAMES), L, SAMPLES["sample_id"], {})
    gathered = gather(pl.DataFrame(SAMPLES), {}, noise={}, level=0.95, rows=rows)
    tables.write_vectors("m.parquet", tables.MATRIX, gathered.names, gathered.L)
    tables.write("m.samples.parquet", tables.MATRIX_SAMPLES, gathered.samples)
    found = foreign.read("m.parquet")
    assert found.names == sorted(NAMES)
    np.testing.assert_array_equal(found.L, L)
    assert found.samples.to_dict(as_series=False) == SAMPLES


def test_weights_of_samples_come_along():
    weights = [0.5, 1.0, 1.5, 2.0]
    table = pl.DataFrame(SAMPLES).with_columns(weight=pl.Series(weights))
    rows = Rows(sorted(NAMES), L, SAMPLES["sample_id"], {})
    gathered = gather(table, {}, noise={}, level=0.95, rows=rows)
    tables.write_vectors("m.parquet", tables.MATRIX, gathered.names, gathered.L)
    tables.write("m.samples.parquet", tables.MATRIX_SAMPLES, gathered.samples)
    assert foreign.read("m.parquet").samples["weight"].to_list() == weights
    broken = gathered.samples.with_columns(weight=pl.Series([None, 1.0, 1.0, 1.0]))
    tables.write("m.samples.parquet", tables.MATRIX_SAMPLES, broken)
    with pytest.raises(InvalidMatrix, match="weight of sample .* expected a number > 0"):
        foreign.read("m.parquet")


def test_the_order_of_models_and_samples_changes_nothing():
    mixed = [2, 0, 3, 1]
    turned = {key: [values[i] for i in mixed] for key, values in SAMPLES.items()}
    one = foreign.read(write_text())
    other = foreign.read(write_text(values=L[::-1, mixed], names=NAMES[::-1], samples=turned))
    results = []
    for matrix in (one, other):
        ids = matrix.samples["sample_id"].to_list()
        samples = pl.DataFrame(SAMPLES)  # those of the dataset that they are placed on
        rows = Rows(matrix.names, matrix.L, ids, {})
        results.append(gather(samples, {}, noise={}, level=0.95, rows=rows))
    assert results[0].names == results[1].names
    np.testing.assert_array_equal(results[0].L, results[1].L)
    assert results[0].models == results[1].models


def test_what_is_not_finite_is_missing():
    values = np.where(np.isnan(L), -np.inf, L)
    np.testing.assert_array_equal(foreign.read(write_parquet(values)).L, L)
    path = Path(write_text())
    path.write_text(path.read_text().replace("-40.0", "nan").replace("-6.125", "-inf"))
    found = foreign.read(path).L
    assert np.isnan(found[[0, 2], 3]).all()
    assert np.isfinite(found[1, 3])


def test_some_models_of_a_matrix():
    found = Matrix(NAMES, L, pl.DataFrame(SAMPLES)).of(["C", "org/b"])
    assert found.names == ["org/b", "C"]
    np.testing.assert_array_equal(found.L, L[[0, 2]])


# What is wrong


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample_id,a,b\ns,-1,-2\n\nt,-1,x y\n", "m.csv line 4, column 3 (b): found 'x y', exp…"),
        ("sample_id,a,b\ns,-1\n", "m.csv line 2: Expected 3 columns, got 2: s,-1"),
        ("sample_id,a,b\ns,-1,-2,-3\n", "m.csv line 2: Expected 3 columns, got 4: s,-1,-2,-3"),
        ("id,a\ns,-1\n", "m.csv line 1: its columns are id, a, …; expected sample_id and a col…"),
        ("sample_id;a\ns;-1\n", "m.csv line 1: its columns are sample_id;a, …; expected sample…"),
        ("", "m.csv line 1: it is empty; expected sample_id and a column per model"),
        ("sample_id,n_bytes\ns,1\n", "m.csv: holds no model"),
        ("sample_id,a\n", "m.csv: holds no sample"),
        ("sample_id,a,a\ns,-1,-1\n", 'm.csv line 1, column 3: "a" is column 2 already; keep one'),
        ('sample_id,"a\nb",c\ns,-1,-1\n', "m.csv line 1: a name that goes on in the next line; …"),
        ('sample_id,"a,b"\ns,-1\n', "m.csv: a model is named 'a,b', expected text without comma…"),
        ("sample_id,a ,b\ns,-1,-1\n", "m.csv: a model is named 'a ', expected text without com…"),
        ("sample_id,a\ns,-1\ns,-2\n", 'm.csv: sample_id "s" stands twice; expected each once'),
        ("sample_id,a\ns,-1\n,-2\n", 'm.csv: "sample_id" of sample 2 is empty'),
        ("sample_id,group,a\ns,,-1\n", 'm.csv: "group" of sample 1 is empty'),
        ("sample_id,n_bytes,a\ns,0,-1\n", 'm.csv: n_bytes of sample "s" is 0, expected at least…'),
        ("sample_id,n_bytes,a\ns,1.5,-1\n", "m.csv line 2, column 2 (n_bytes): found '1.5', ex…"),
        ("sample_id,a\ns,-1\nt,52\n", 'm.csv: model "a" has 52 nats on sample "t"; a log-likel…'),
    ],
)
def test_what_is_wrong_with_a_table_of_text(text, message):
    Path("m.csv").write_text(text)
    found = problem("m.csv")
    assert found.startswith(message[:-1]) if message.endswith("…") else found == message


def test_text_that_is_not_utf8():
    Path("m.csv").write_bytes(b"sample_id,a\n\xff,-1\n")
    assert problem("m.csv") == "m.csv: not UTF-8 text; save it as UTF-8"
    Path("m.csv").write_bytes(b"sample_id,a\n" + b"s,-1\n" * 9999 + b"\xff,-1\n")
    assert problem("m.csv") == "m.csv: not UTF-8 text; save it as UTF-8"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": [[-1, -2], [-1], [-3, -4]]}, 'model "a (v1.5)" has 1 numbers, "org/b" has 2;'),
        ({"values": [[-1], None, [-3]]}, 'model "a (v1.5)" has 0 numbers, "org/b" has 1; expect'),
        ({"names": ["a", "b", "a"]}, 'model "a" stands twice; keep one'),
        ({"names": ["a", None, "b"]}, "a model is named None, expected text"),
        ({"names": [1, 2, 3]}, 'column "model" holds int64, expected text'),
        ({"kind": pl.List(pl.String)}, 'column "log_likelihood" holds large_list<element: large_'),
        ({"family": ["x"] * 3}, 'unknown column "family" (known: model, log_likelihood)'),
        ({"values": np.abs(L)}, "a log-likelihood of text is at most 0. If these are losses"),
        ({"values": [[]] * 3}, "holds no sample"),
        ({"values": [], "names": pl.Series([], dtype=pl.String)}, "holds no model"),
        ({"samples": {"sample_id": ["a", "b"]}}, "found 2 rows, expected 4: one per number in m"),
        (
            {"samples": {"sample": list("abcd")}},
            'unknown column "sample"; did you mean "sample_id"',
        ),
    ],
)
def test_what_is_wrong_with_a_parquet_file(options, message):
    found = problem(write_parquet(**options))
    assert found.startswith("m.samples.csv: " if "samples" in options else "m.parquet: ")
    assert message in found


def test_a_column_that_is_not_there_and_a_file_that_is_none():
    pl.DataFrame({"models": ["a"], "log_likelihood": [[-1.0]]}).write_parquet("m.parquet")
    assert problem("m.parquet") == (
        'm.parquet: column "model" (text) is missing; did you mean "models"?'
    )
    Path("m.parquet").write_bytes(b"PAR1 broken")
    assert problem("m.parquet").startswith("m.parquet: not a whole Parquet file")
    assert "m.json: expected a name ending in .parquet, .csv or .tsv" in problem_of_file("m.json")
    assert problem("none.csv").startswith("none.csv: no such file (a relative path begins at /")


def problem_of_file(name):
    Path(name).write_text("{}")
    return problem(name)


def test_two_tables_beside_a_matrix_are_one_too_many():
    path = write_parquet(samples=SAMPLES)
    Path("m.samples.tsv").write_text("sample_id\n")
    assert problem(path) == "m.parquet: m.samples.csv and m.samples.tsv lie beside it; keep one"


def test_a_text_of_probability_one_may_round_above_zero():
    values = np.where(np.isnan(L), 1e-6, L)
    np.testing.assert_array_equal(foreign.read(write_parquet(values)).L, values)


def test_a_list_with_a_null_in_it_misses_that_sample():
    lists = pa.array([[-1.0, None], [-2.0, -3.0]])
    pq.write_table(pa.table({"model": ["a", "b"], "log_likelihood": lists}), "m.parquet")
    np.testing.assert_array_equal(foreign.read("m.parquet").L, [[-1, math.nan], [-2, -3]])


# In a config


def test_models_of_a_config_are_told_or_refused_before_any_job():
    write_text()
    blocks = {"d": {"source": "matrix", "path": "m.csv"}, "e": {"source": "scenes", "path": None}}
    assert foreign.models_of({"datasets": blocks}, []) == {"d": NAMES}
    blocks["d"]["path"] = "n.csv"
    with pytest.raises(InvalidInput, match=r"^config: datasets.d.path: n.csv: no such file"):
        foreign.models_of({"datasets": blocks}, [])


def test_the_files_of_a_matrix_are_its_own_and_the_table_beside_it():
    path = write_parquet()
    assert foreign.files(path) == ["m.parquet"]
    write_parquet(samples=SAMPLES)
    write_text("m.csv")
    assert foreign.files(path) == ["m.parquet", "m.samples.csv"]
    assert foreign.files("m.csv") == ["m.csv"]


# Among the samples of a dataset


def whole(**columns):
    ids = ["0", "é", "3", "s,2", "s 1", "9"]
    return pl.DataFrame({"sample_id": ids, "group": ids, "n_bytes": [1, 5, 8, 20, 10, 7]} | columns)


def test_samples_of_a_dataset_that_a_matrix_has():
    matrix = Matrix(NAMES, L, pl.DataFrame(SAMPLES))
    found = foreign.same_samples(matrix, whole(), "texts")
    assert found["sample_id"].to_list() == ["é", "3", "s,2", "s 1"]
    assert found["group"].to_list() == found["sample_id"].to_list()


def test_samples_that_are_not_the_same_are_told():
    matrix = Matrix(NAMES, L, pl.DataFrame(SAMPLES))
    ids = ["0", "é", "3", "s.2", "s 1.", "9"]
    with pytest.raises(InvalidMatrix) as error:
        foreign.same_samples(matrix, whole(sample_id=ids), "texts")
    assert str(error.value) == (
        'sample "s 1" of the matrix is none of dataset texts; did you mean "s 1."?; '
        "expected all 4 among its 6, 2 are not"
    )
    with pytest.raises(InvalidMatrix, match=r'"s,2" has 20 bytes in the matrix and 21 in dataset'):
        foreign.same_samples(matrix, whole(n_bytes=[1, 5, 8, 21, 10, 7]), "texts")


# Status


def test_how_the_models_of_a_matrix_fared():
    values = np.vstack([L, np.full(4, -7.0), np.full(4, math.nan)])
    matrix = Matrix([*NAMES, "flat", "none"], values, pl.DataFrame(SAMPLES))
    facts = {"dataset": "d", "samples_from": "texts"}
    facts |= foreign.facts("m.csv", matrix, placed=["mine", "gated"])
    names, ids = [*matrix.names, "mine"], matrix.samples["sample_id"].to_list()
    rows = Rows(names, np.vstack([values, L[0]]), ids, {})
    models = pl.DataFrame(gather(matrix.samples, {}, noise={}, level=0.95, rows=rows).models)
    scored = [
        {"model": name, "dataset": dataset, "status": state, "reason": why, "seconds": 5.0}
        for name, dataset, state, why in [
            ("mine", "texts", "ok", None),
            ("gated", "texts", "gated", "asks for a token"),
            ("C", "texts", "ok", None),
            ("mine", "elsewhere", "refused", "no"),
        ]
    ]
    rows = foreign.status(models, facts, scored)
    table = pl.DataFrame(rows, STATUS)
    assert set(table["dataset"]) == {"d"}
    assert table["seconds"].sum() == 0
    said = {row["model"]: (row["status"], row["reason"], row["samples_ok"]) for row in rows}
    assert said == {
        "org/b": ("ok", "from m.csv", 4),
        "a (v1.5)": ("incomplete", "1 of 4 samples missing, at most 2%", 3),
        "C": ("ok", "from m.csv; also scored on texts, which does not count", 4),
        "flat": ("ok", "from m.csv; -7 nats for every sample", 4),
        "none": ("incomplete", "4 of 4 samples missing, at most 2%", 0),
        "mine": ("ok", "scored on texts", 4),
        "gated": ("gated", "asks for a token", 0),
    }
