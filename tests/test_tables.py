"""What is written is read back; what is not ours is refused; no file is ever half a file."""

import math
import re
import resource

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelmap import tables

SCHEMAS = {name: part for name, part in vars(tables).items() if isinstance(part, pa.Schema)}
VECTORS = ("MATRIX", "COORDINATES")
# Numbers that count or rank something, or have no unit, or another one in each row.
WITHOUT_UNIT = {
    ("SCORES", "token_ids"),
    ("GATE", "value"),
    ("GATE", "limit"),
    ("MATRIX_MODELS", "samples_ok"),
    ("NEIGHBORS", "rank"),
    ("NEIGHBORS", "p_nearest"),
    ("EMBEDDING", "x"),
    ("EMBEDDING", "y"),
    ("RESTARTS", "random_state"),
    ("RESTARTS", "x"),
    ("RESTARTS", "y"),
    ("TEXTS", "token_ids"),
}


def value(kind, i):
    """Return a value of a pyarrow type, another one for each row i."""
    if pa.types.is_list(kind):
        return [value(kind.value_type, i + k) for k in range(i % 3)]
    if pa.types.is_string(kind):
        return f"漢{i}"
    if pa.types.is_binary(kind):
        return bytes([0, 255, i])
    return {"bool": i % 2 == 0, "int32": 2**31 - 1 - i, "int64": 2**63 - 1 - i}.get(
        str(kind), i + 0.5
    )


def rows_of(schema, n=3):
    """Return n rows; the last has null wherever it may."""
    rows = [{field.name: value(field.type, i) for field in schema} for i in range(n)]
    return rows[:-1] + [rows[-1] | {field.name: None for field in schema if field.nullable}]


GATE = rows_of(tables.GATE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a folder" / "file.parquet"


# There and back


@pytest.mark.parametrize("name", sorted(SCHEMAS.keys() - set(VECTORS)))
def test_rows_come_back(name, path):
    schema = SCHEMAS[name]
    rows = rows_of(schema)
    tables.write(path, schema, rows)
    frame = tables.read(path, schema)
    assert frame.rows(named=True) == rows
    assert pq.read_schema(path).equals(schema)

    tables.write(path, schema, frame)
    assert tables.read(path, schema).equals(frame)


@pytest.mark.parametrize("name", sorted(SCHEMAS.keys() - set(VECTORS)))
def test_no_rows_come_back_with_all_columns(name, path):
    tables.write(path, SCHEMAS[name], [])
    frame = tables.read(path, SCHEMAS[name])
    assert (frame.height, frame.columns) == (0, SCHEMAS[name].names)


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("n_models", [0, 1, 2, 600])
def test_vectors_come_back(name, n_models, path):
    models = [f"m{i}" for i in range(n_models)]
    vectors = np.random.default_rng(0).normal(size=(n_models, 7))
    vectors[::2, 3] = math.nan
    tables.write_vectors(path, SCHEMAS[name], models, vectors)
    found_models, found = tables.read_vectors(path, SCHEMAS[name])
    assert found_models == models
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, vectors)


def test_a_part_of_an_array_is_written_as_it_looks(path):
    L = np.arange(24.0).reshape(4, 6)
    tables.write_vectors(path, tables.MATRIX, ["b", "a"], L.T[::3, ::2])
    models, found = tables.read_vectors(path, tables.MATRIX)
    assert models == ["b", "a"]
    np.testing.assert_array_equal(found, [[0, 12], [3, 15]])


@pytest.mark.parametrize("given", [{"é": [1, None, {"a": 0.5}]}, {}, None])
def test_provenance_comes_back(given, path):
    tables.write(path, tables.GATE, GATE, provenance=given)
    assert tables.provenance(path) == (given or {})


def test_what_counts(tmp_path):
    L = np.array([[1, 2, 3], [4, math.nan, math.nan], [7, 8, math.nan]])
    samples, models = rows_of(tables.MATRIX_SAMPLES), rows_of(tables.MATRIX_MODELS)
    for i in range(3):
        samples[i]["kept"] = i != 2
        models[i] |= {"model": "abc"[i], "kept": i != 1}
    files = {name: tmp_path / name for name in ("matrix", "samples", "models")}
    tables.write_vectors(files["matrix"], tables.MATRIX, ["a", "b", "c"], L)
    tables.write(files["samples"], tables.MATRIX_SAMPLES, samples)
    tables.write(files["models"], tables.MATRIX_MODELS, models)
    names, kept_samples, kept = tables.read_kept(**files)
    assert names == ["a", "c"]
    assert kept_samples["sample_id"].to_list() == [row["sample_id"] for row in samples[:2]]
    np.testing.assert_array_equal(kept, [[1, 2], [7, 8]])


# What is refused


def test_another_version_is_refused(path):
    newer = tables.GATE.with_metadata({**tables.GATE.metadata, b"version": b"99"})
    tables.write(path, newer, GATE)
    for read in (tables.read, tables.read_table, tables.read_vectors):
        with pytest.raises(tables.OtherVersion) as error:
            read(path, tables.GATE)
        assert str(error.value) == (
            f"{path}: expected gate of version {tables.version(tables.GATE)}, found gate of "
            "version 99; delete it and run the workflow again"
        )


def test_another_kind_is_refused(path):
    tables.write(path, tables.GATE, GATE)
    with pytest.raises(tables.OtherVersion, match=r"expected scores of .*, found gate of version"):
        tables.read(path, tables.SCORES)


def test_a_file_of_others_is_refused(tmp_path):
    pl.DataFrame({"check": ["a"]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(tables.OtherVersion, match=r"other\.parquet: .* found \? of version \?"):
        tables.read(tmp_path / "other.parquet", tables.GATE)


def test_names_of_kinds_are_unique():
    names = [schema.metadata[b"name"] for schema in SCHEMAS.values()]
    assert len(names) > 5
    assert len(set(names)) == len(names)


# Whole or not at all


def wrong_type(path):
    tables.write(path, tables.GATE, [*GATE, GATE[0] | {"value": "high"}])


def missing_value(path):
    tables.write(path, tables.GATE, [*GATE, GATE[0] | {"check": None}])


def failing_rows(path):
    tables.write(path, tables.GATE, (1 / (3 - i) and row for i, row in enumerate(GATE * 2)))


def no_json(path):
    tables.write(path, tables.GATE, GATE, provenance={"model": object()})


def full_disk(path):
    """Write more than the largest file allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    vectors = np.random.default_rng(0).normal(size=(600, 500))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        tables.write_vectors(path, tables.MATRIX, list(map(str, range(600))), vectors)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


FAILURES = [wrong_type, missing_value, failing_rows, no_json, full_disk]


@pytest.mark.parametrize("fail", FAILURES)
def test_a_write_that_fails_leaves_no_file(fail, path):
    with pytest.raises((ValueError, TypeError, ArithmeticError, OSError)):
        fail(path)
    assert not path.parent.exists() or not list(path.parent.iterdir())


@pytest.mark.parametrize("fail", FAILURES)
def test_a_write_that_fails_leaves_the_older_file_as_it_was(fail, path):
    tables.write(path, tables.GATE, GATE[:1])
    before = path.read_bytes()
    with pytest.raises((ValueError, TypeError, ArithmeticError, OSError)):
        fail(path)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == before


def test_an_older_file_is_replaced(path):
    tables.write(path, tables.GATE, GATE[:1])
    tables.write(path, tables.GATE, GATE)
    assert list(path.parent.iterdir()) == [path]
    assert tables.read(path, tables.GATE).rows(named=True) == GATE


# How files are laid out


def test_row_groups_of_what_is_bulky_are_small_without_dictionaries(tmp_path):
    models = ["same name"] * 600
    tables.write_vectors(tmp_path / "matrix", tables.MATRIX, models, np.zeros((600, 3)))
    for name in ("SAMPLES", "SCORES"):
        tables.write(tmp_path / name, SCHEMAS[name], rows_of(SCHEMAS[name], 1) * 600)
    for file in tmp_path.iterdir():
        metadata = pq.read_metadata(file)
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        assert sum(group.num_rows for group in groups) == 600
        assert max(group.num_rows for group in groups) <= 256
        columns = [group.column(i) for group in groups for i in range(group.num_columns)]
        assert not any(column.has_dictionary_page for column in columns)
        assert not any("DICTIONARY" in name for column in columns for name in column.encodings)


def test_names_and_numbers_stand_in_one_row_group(path):
    tables.write(path, tables.GATE, [GATE[0]] * 600)
    assert pq.read_metadata(path).num_row_groups == 1


def test_vectors_are_of_fixed_size_in_the_file(path):
    tables.write_vectors(path, tables.MATRIX, ["a"], np.zeros((1, 3)))
    assert pq.read_schema(path).field("log_likelihood").type == pa.list_(pa.float64(), 3)


def test_numbers_have_a_unit():
    def is_number(kind):
        kind = kind.value_type if pa.types.is_list(kind) else kind
        return pa.types.is_integer(kind) or pa.types.is_floating(kind)

    numbers = {
        (name, field.name): (field.metadata or {}).get(b"unit")
        for name, schema in SCHEMAS.items()
        for field in schema
        if is_number(field.type)
    }
    assert {place for place, unit in numbers.items() if not unit} == WITHOUT_UNIT
    logs = [unit for (_, field), unit in numbers.items() if "log_likelihood" in field]
    assert all(unit.split(b",")[0].split(b";")[0] == b"nats" for unit in logs)


# What is broken


@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_a_file_that_is_missing_or_broken_is_made_by_nobody(path, content):
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    assert not tables.is_made_by(path, tables.GATE, {})
    with pytest.raises((tables.OtherVersion, FileNotFoundError), match=re.escape(str(path))):
        tables.read(path, tables.GATE)


def test_damage_within_a_file_is_told_with_its_name(path):
    """Its footer is whole."""
    rows = [
        {"check": f"{i}", "value": i * 1.1, "limit": 1.0, "verdict": "pass"} for i in range(999)
    ]
    tables.write(path, tables.GATE, rows)
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(1996)
    path.write_bytes(content)
    assert tables.is_made_by(path, tables.GATE, {})
    with pytest.raises(tables.Broken, match=f"{re.escape(str(path))}.*delete it"):
        tables.read(path, tables.GATE)
