"""Log-likelihoods computed by others: a matrix in a file, and what its samples are.

A Parquet file has a row per model: `model`, and `log_likelihood`, a list with a number per sample;
a table beside it, NAME.samples.parquet (.csv, .tsv), may tell of the samples. A CSV or TSV file has
a row per sample: `sample_id`, what is told of it, and a column per model.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from modelmap.matrix_files import (
    SEPARATORS,
    InvalidMatrix,
    column_types,
    expect_known,
    expect_vectors,
    header,
    read_csv,
    vectors,
)
from modelmap.validation import InvalidInput, Places, nearest

SAMPLE = {"sample_id": pl.String, "group": pl.String, "n_bytes": pl.Int32, "stratum": pl.String}
SAMPLE |= {"weight": pl.Float64}  # of a subset, see gather.weighted
MADE_HERE = ("kept", "reason")  # of a matrix that this workflow has gathered: decided anew
BESIDE = (".samples.parquet", ".samples.csv", ".samples.tsv")
BYTES = {"n_bytes": pa.int64()}
ROUNDING = 1e-3  # nats by which log p may come out above 0


class Matrix(NamedTuple):
    """Log-likelihoods that others have computed."""

    names: list
    L: np.ndarray  # (n_models, n_samples), nats, NaN where missing
    samples: pl.DataFrame  # sample_id, group, n_bytes and stratum (null where not told); weight

    def of(self, chosen):
        """The same of some models."""
        chosen = set(chosen)
        at = [i for i, name in enumerate(self.names) if name in chosen]
        return Matrix([self.names[i] for i in at], self.L[at], self.samples)


def models_of(config, files):
    """Return the models of each matrix of a config, dataset -> names; no numbers are read.

    Raises
    ------
    InvalidInput
        If a matrix is not there, of another form, or a name stands twice or cannot be one.
    """
    places, found = Places(files), {}
    for dataset, block in config["datasets"].items():
        if block["source"] == "matrix":
            try:
                found[dataset] = names(block["path"])
            except InvalidMatrix as error:
                places.refuse(("datasets", dataset, "path"), str(error))
    if places.problems:
        raise InvalidInput(places.problems)
    return found


def files(path):
    """Return the files that a matrix is read from: its own, and the table of samples beside it."""
    path = Path(path)
    stem = path.with_suffix("")
    beside = [stem.with_name(stem.name + end) for end in BESIDE if path.suffix == ".parquet"]
    return [str(path), *(str(file) for file in beside if file.exists())]


def names(path):
    """Return the names of a matrix's models, without reading its numbers."""
    path, *beside = map(Path, files(path))
    if not path.is_file():
        raise InvalidMatrix(f"{path}: no such file (a relative path begins at {Path.cwd()})")
    if len(beside) > 1:
        raise InvalidMatrix(
            f"{path}: {' and '.join(f.name for f in beside)} lie beside it; keep one"
        )
    if path.suffix in SEPARATORS:
        columns = header(path)
        if "sample_id" not in columns:
            said = f"its columns are {', '.join(columns[:3])}, …" if columns else "it is empty"
            wanted = "sample_id and a column per model"
            raise InvalidMatrix(f"{path} line 1: {said}; expected {wanted}")
        found = [name for name in columns if name not in SAMPLE]
    elif path.suffix == ".parquet":
        expect_vectors(path)
        found = pq.read_table(path, columns=["model"])["model"].to_pylist()
    else:
        raise InvalidMatrix(f"{path}: expected a name ending in .parquet, .csv or .tsv")
    if not found:
        raise InvalidMatrix(f"{path}: holds no model")
    _expect_names(path, found)
    return found


def read(path):
    """Read a matrix.

    Returns
    -------
    Matrix, its models and samples in the order of the file

    Raises
    ------
    InvalidMatrix
        If it is not of the form above, or holds what log-likelihoods cannot be.
    """
    found, (path, *beside) = names(path), map(Path, files(path))
    if path.suffix == ".parquet":
        L = vectors(path, found)
        n = L.shape[1]
        table = _beside(beside[0]) if beside else pl.DataFrame({"sample_id": range(n)})
        if table.height != n:
            said = f"{table.height} rows, expected {n}: one per number in {path.name}"
            raise InvalidMatrix(f"{beside[0]}: found {said}")
        samples = _samples(beside[0] if beside else path, table, n)
    else:
        table = read_csv(path, dict.fromkeys(found, pa.float64()) | BYTES)
        L = np.stack([table[name].to_numpy() for name in found])
        samples = _samples(path, pl.from_arrow(table.drop_columns(found)), table.num_rows)
    if not L.shape[1]:
        raise InvalidMatrix(f"{path}: holds no sample")
    L = np.where(np.isfinite(L), L, np.nan)
    _expect_logarithms(path, found, samples, L)
    return Matrix(found, L, samples)


def same_samples(matrix, samples, dataset):
    """Return those samples of a dataset that a matrix has, with the matrix's weights if it has any.

    Parameters
    ----------
    matrix : Matrix
    samples : DataFrame of tables.SAMPLES
    dataset : str, its name

    Raises
    ------
    InvalidMatrix
        If one of the matrix is not among them, or has another number of bytes.
    """
    rows = matrix.samples.join(
        samples.select("sample_id", "n_bytes", here=pl.lit(True)),
        on="sample_id",
        how="left",
        suffix="_here",
        maintain_order="left",
    )
    lacking = rows.filter(pl.col("here").is_null())["sample_id"]
    if len(lacking):
        hint = nearest(lacking[0], samples["sample_id"].to_list())
        raise InvalidMatrix(
            f'sample "{lacking[0]}" of the matrix is none of dataset {dataset}{hint}; expected all '
            f"{rows.height} among its {samples.height}, {len(lacking)} are not"
        )
    other = rows.filter(pl.col("n_bytes") != pl.col("n_bytes_here"))
    if other.height:
        first = other.row(0, named=True)
        raise InvalidMatrix(
            f'sample "{first["sample_id"]}" has {first["n_bytes"]} bytes in the matrix and '
            f"{first['n_bytes_here']} in dataset {dataset}; expected the same texts"
        )
    own = [c for c in ("sample_id", "weight") if c in matrix.samples.columns]
    return samples.join(matrix.samples.select(own), on="sample_id", maintain_order="left")


def facts(path, matrix, *, placed):
    """What the map's footers and the status say of a matrix, and of the models placed on it."""
    return {
        "file": path,
        "n_samples": matrix.samples.height,
        "names": matrix.names,
        "remarks": _remarks(matrix),
        "placed": placed,
    }


def _remarks(matrix):
    """What to know of models, name -> remark: those whose numbers are all alike."""
    finite = ~np.isnan(matrix.L)
    low = np.where(finite, matrix.L, np.inf).min(axis=1)
    high = np.where(finite, matrix.L, -np.inf).max(axis=1)
    alike = (low == high) & (finite.sum(axis=1) > 1)
    rows = zip(matrix.names, low, alike, strict=True)
    return {name: f"{value:g} nats for every sample" for name, value, same in rows if same}


def status(models, facts, scored):
    """How the models on a matrix's map fared.

    Parameters
    ----------
    models : DataFrame of tables.MATRIX_MODELS
    facts : dict, what its footer says of the matrix: dataset, file, n_samples, names, remarks; and
        placed, the models placed among them, which are scored on the dataset samples_from
    scored : list of dict, the rows of gather.STATUS of all models that were scored

    Returns
    -------
    list of dict, rows of gather.STATUS
    """
    at = {row["model"]: row for row in models.rows(named=True)}
    own = {row["model"]: row for row in scored if row["dataset"] == facts["samples_from"]}
    rows = []
    for name in facts["names"]:
        said = [f"from {facts['file']}", facts["remarks"].get(name)]
        said += [f"also scored on {facts['samples_from']}, which does not count" * (name in own)]
        row = {"model": name, "status": "ok" if at[name]["kept"] else "incomplete"}
        rows.append(row | {"reason": at[name]["reason"] or "; ".join(filter(None, said))})
    for name in facts["placed"]:
        cost = {"seconds": 0.0, "peak_memory": 0, "peak_device_memory": None}  # told there
        said = own[name]["reason"] or f"scored on {facts['samples_from']}"
        rows.append(own[name] | cost | {"reason": said})
    for row in rows:
        n_ok = at[row["model"]]["samples_ok"] if row["model"] in at else 0
        counted = {"samples_ok": n_ok, "samples_missing": facts["n_samples"] - n_ok}
        row |= {"dataset": facts["dataset"]} | counted
    return rows


def _expect_names(path, found):
    seen = set()
    for name in found:
        if not name or name != name.strip() or re.search(r"[,\t\r\n]", name):
            said = "text without comma, tab or line break, and no blank at its ends"
            raise InvalidMatrix(f"{path}: a model is named {name!r}, expected {said}")
        if name in seen:
            raise InvalidMatrix(f'{path}: model "{name}" stands twice; keep one')
        seen.add(name)


def _beside(path):
    """The table of samples beside a matrix."""
    if path.suffix == ".parquet":
        expect_known(path, column_types(path), (*SAMPLE, *MADE_HERE))
        return pl.from_arrow(pq.read_table(path)).drop(MADE_HERE, strict=False)
    expect_known(path, header(path), (*SAMPLE, *MADE_HERE))
    return pl.from_arrow(read_csv(path, BYTES)).drop(MADE_HERE, strict=False)


def _samples(path, table, n):
    """What is told of n samples, whole: ids are numbers from 0, and groups ids, where not told."""
    if "sample_id" not in table.columns:
        table = table.with_columns(sample_id=pl.int_range(n))
    if "group" not in table.columns:
        table = table.with_columns(group="sample_id")
    missing = [pl.lit(None).alias(name) for name in SAMPLE if name not in table.columns]
    try:
        table = table.with_columns(missing).select(pl.col(n).cast(k) for n, k in SAMPLE.items())
    except pl.exceptions.PolarsError as error:
        raise InvalidMatrix(f"{path}: {error}"[:300]) from None
    for name in ("sample_id", "group"):
        empty = table[name].fill_null("") == ""
        if empty.any():
            raise InvalidMatrix(f'{path}: "{name}" of sample {empty.arg_max() + 1} is empty')
    twice = table.filter(pl.col("sample_id").is_duplicated())["sample_id"]
    if len(twice):
        raise InvalidMatrix(f'{path}: sample_id "{twice[0]}" stands twice; expected each once')
    small = table.filter(pl.col("n_bytes") < 1)
    if small.height:
        sample, n_bytes = small.select("sample_id", "n_bytes").row(0)
        said = f'n_bytes of sample "{sample}" is {n_bytes}, expected at least 1, or nothing'
        raise InvalidMatrix(f"{path}: {said}")
    return _with_weights(path, table.with_columns(pl.col("stratum").replace("", None)))


def _with_weights(path, table):
    """The samples with their weights, or without the column where they count alike."""
    if table["weight"].null_count() == table.height:
        return table.drop("weight")
    wrong = table.filter(~(pl.col("weight") > 0).fill_null(False))
    if wrong.height:
        sample, weight = wrong.select("sample_id", "weight").row(0)
        said = (
            f'weight of sample "{sample}" is {weight}, expected a number > 0 for each, or for none'
        )
        raise InvalidMatrix(f"{path}: {said}")
    return table


def _expect_logarithms(path, found, samples, L):
    """Refuse probabilities above 1: most likely losses, whose sign is the other one."""
    i, j = np.unravel_index(np.nanargmax(L), L.shape) if not np.isnan(L).all() else (0, 0)
    if L[i, j] > ROUNDING:
        raise InvalidMatrix(
            f'{path}: model "{found[i]}" has {L[i, j]:g} nats on sample '
            f'"{samples["sample_id"][int(j)]}"; a log-likelihood of text is at most 0. If these '
            "are losses (negative log-likelihoods), change their sign"
        )
