"""What each Parquet file holds: one schema per kind of file, with units and a version.

Only this module knows columns. Bump a schema's version when the same input would give other
numbers: it is a param of the rule that writes the file, so jobs rerun, and a file of another
version is refused when read.
"""

import json
import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq


class OtherVersion(ValueError):
    """A file that this code did not write and cannot read."""


class Broken(OtherVersion):
    """A file that is no Parquet file, or not any more."""


def _field(name, kind, unit=None, *, null=False):
    return pa.field(name, kind, nullable=null, metadata={"unit": unit} if unit else None)


def _schema(name, version, *fields):
    return pa.schema(fields, metadata={"name": name, "version": str(version)})


_maybe = partial(_field, null=True)
_string, _float, _int, _bool = pa.string(), pa.float64(), pa.int32(), pa.bool_()

SAMPLES = _schema(
    "samples",
    1,
    _field("sample_id", _string),
    _field("group", _string),  # samples that share an image
    _maybe("image", pa.binary()),  # an image file's bytes
    _maybe("width", _int, "pixels, upright"),
    _maybe("height", _int, "pixels, upright"),
    _maybe("prompt", _string),
    _field("target", _string),
    _field("n_bytes", _int, "bytes of the target in UTF-8"),
    _maybe("stratum", _string),
    _maybe("shuffled_from", _string),  # the sample whose image the variant `shuffled` shows
    _maybe("correct", _bool),  # of an option: ids of one question differ behind the last # alone
)

SCORES = _schema(
    "scores",
    2,
    _field("sample_id", _string),
    _field("variant", _string),
    _maybe("log_likelihood", _float, "nats"),
    _maybe("end_log_likelihood", _float, "nats"),
    _field("n_tokens", _int, "tokens of the target"),
    _field("n_image_tokens", _int, "tokens"),
    _field("token_ids", pa.list_(_int)),
    _field(
        "token_ends",
        pa.list_(_int),
        "bytes of the target, up to the last character that a token touches",
    ),
    _field("token_log_likelihoods", pa.list_(pa.float32()), "nats"),
    # ok, image_error, prompt_error, target_error, needs_image, failed, too_long or non_finite
    _field("status", _string),
)

# What a model wrote behind the prompts of a dataset's samples.
TEXTS = _schema(
    "texts",
    1,
    _field("sample_id", _string),  # whose prompt and image the text stands behind
    _maybe("text", _string),  # null: what was written spells none that could be scored
    _field("canonical", _bool),  # whether the text is tokenized as it was written
    _field("log_likelihood", _float, "nats, of the tokens as drawn"),
    _maybe("end_log_likelihood", _float, "nats; null of a text that was cut"),
    _field("token_ids", pa.list_(_int)),  # as drawn, the end of turn left out
)

GATE = _schema(
    "gate",
    1,
    _field("check", _string),
    _maybe("value", _float),
    _maybe("limit", _float),
    _field("verdict", _string),  # pass, flag or refuse
)


_vector = pa.list_(_float)  # fixed size: of as many numbers as there are samples: all rows alike

# NaN where missing.
MATRIX = _schema("matrix", 1, _field("model", _string), _field("log_likelihood", _vector, "nats"))


MATRIX_SAMPLES = _schema(
    "matrix samples",
    2,
    _field("sample_id", _string),
    _field("group", _string),
    _maybe("n_bytes", _int, "bytes"),  # null: not known, of log-likelihoods computed by others
    _maybe("stratum", _string),
    _field("kept", _bool),
    _maybe("reason", _string),
    # Of a subset of a dataset: what coordinates are multiplied by; its square, which is about 1 on
    # average, is what a sample counts in means. null: all count alike.
    _maybe("weight", _float, "of a coordinate"),
)

# Samples that stand for a whole dataset: all of the groups that were drawn.
SUBSET = _schema(
    "subset",
    1,
    _field("sample_id", _string),
    _field("group", _string),
    _field("count", _int, "draws of the group"),
    _field("probability", _float, "of the group in one draw"),
    # √(count / (draws × probability)); its square is the samples of the whole that it stands for
    _field("weight", _float, "of a coordinate"),
)

# What an image is worth to each model and sample, see geometry.information; NaN where missing.
VISUAL = _schema("visual", 1, _field("model", _string), _field("value", _vector, "nats"))

MATRIX_MODELS = _schema(
    "matrix models",
    3,
    _field("model", _string),
    _field("kept", _bool),
    _maybe("reason", _string),
    _field("samples_ok", _int),
    _maybe("nats_per_sample", _float, "nats"),  # mean negative log-likelihood of kept samples
    _maybe("nats_per_token", _float, "nats"),
    _maybe("bits_per_byte", _float, "bits"),
    _maybe("image_gap", _float, "nats per sample that a shuffled image costs"),
    _maybe("image_gap_low", _float, "nats"),
    _maybe("image_gap_high", _float, "nats"),
    _maybe("first_token_share", _float, "share of the variance over texts"),
    _maybe("noise_nats2", _float, "nats squared: variance of rounding over samples"),
    _maybe("prompt_nats2", _float, "nats squared: d2 to itself under another wording"),
)


# Double-centered; kept models and samples.
COORDINATES = _schema("coordinates", 1, _field("model", _string), _field("q", _vector, "nats"))

DISTANCES = _schema(
    "distances",
    3,
    _field("model_a", _string),
    _field("model_b", _string),
    _field("d2_nats2", _float, "nats squared"),
    _maybe("d2_corrected_nats2", _float, "nats squared, less the floor of noise; at least 0"),
    _field("kl_nats", _float, "nats"),
    _maybe("kl_bits_per_byte", _float, "bits"),  # null: a sample's bytes are not known
    _maybe("kl_nats_low", _float, "nats"),
    _maybe("kl_nats_high", _float, "nats"),
    _maybe("below_noise_floor", _bool),  # null: the floor was not measured
    _maybe("beyond_kl_limit", _bool),  # see geometry.divergence.KL_LIMIT; null: no bytes known
)

NEIGHBORS = _schema(
    "neighbors",
    2,
    _field("model", _string),
    _field("rank", _int),
    _field("neighbor", _string),
    _field("kl_nats", _float, "nats"),
    _maybe("low", _float, "nats"),
    _maybe("high", _float, "nats"),
    _maybe("p_nearest", _float),
)

EMBEDDING = _schema(
    "embedding",
    3,
    _field("model", _string),
    _field("x", _float),
    _field("y", _float),
    _maybe("ellipse_xx", _float, "variance of x over resamples of groups"),
    _maybe("ellipse_xy", _float, "covariance"),
    _maybe("ellipse_yy", _float, "variance of y"),
)

# Embeddings made again with other seeds.
RESTARTS = _schema(
    "restarts",
    1,
    _field("method", _string),
    _field("random_state", pa.int64()),
    _field("model", _string),
    _field("x", _float),
    _field("y", _float),
)

# A frozen map: its models, with what the sheet said of them, as they stood in the matrix of kept
# samples (of the mutual information, too); samples, column means, embeddings are in the footer.
REFERENCE = _schema(
    "reference",
    f"2.{MATRIX_MODELS.metadata[b'version'].decode()}",  # it holds columns of those
    _field("model", _string),
    _field("log_likelihood", _vector, "nats"),
    *list(MATRIX_MODELS)[4:],
    *(_maybe(name, _string) for name in ("label", "family", "generation", "recipe", "parent")),
    *(_maybe(name, _string) for name in ("language_model", "vision_encoder", "tokenizer")),
    _maybe("params_b", _float, "billions"),
    *(_maybe(name, _string) for name in ("released", "benchmark_name")),
)


def version(schema):
    """The version of the numbers in files of `schema`."""
    return schema.metadata[b"version"].decode()


def write(path, schema, rows, provenance=None):
    """Write `rows` (dicts, or a polars frame) to `path`, whole or not at all.

    `provenance` (what JSON can hold) goes to the footer.
    """
    if isinstance(rows, pl.DataFrame):
        names, make = set(rows.columns), _from_frame
    else:
        rows = list(rows)
        names, make = {key for row in rows for key in row}, pa.Table.from_pylist
    if unknown := names - set(schema.names):
        raise ValueError(f"{path}: no columns of {_says(schema.metadata)}: {sorted(unknown)}")
    write_table(path, make(rows, schema=schema), provenance)


def write_table(path, table, provenance=None):
    """Write a table that has one of the schemas to `path`, whole or not at all."""
    footer = {b"provenance": json.dumps(provenance or {}, ensure_ascii=False).encode()}
    table = table.replace_schema_metadata(table.schema.metadata | footer)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    # Dictionaries and large row groups serve names and numbers, not vectors of 10,000 or images.
    bulky = any(pa.types.is_nested(t) or pa.types.is_binary(t) for t in table.schema.types)
    rows = 256 if bulky else 1_000_000
    try:
        pq.write_table(table, temporary, row_group_size=rows, use_dictionary=not bulky)
        temporary.replace(path)
    except OSError as error:
        error.filename = str(path)  # on a full disk neither Python nor Arrow says it
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_vectors(path, schema, models, vectors, provenance=None, *, more=()):
    """Write an ndarray of shape (n_models, n_samples), a row per model, of `schema`.

    `more` holds the columns beyond the vectors: a dict per model.
    """
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    fields = [schema.field(0), schema.field(1).with_type(values.type), *list(schema)[2:]]
    columns = [pa.array(models, _string), values]
    columns += [pa.array([row[f.name] for row in more], f.type) for f in fields[2:]]
    table = pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=schema.metadata))
    write_table(path, table, provenance)


def read_vectors(path, schema):
    """Read (models, ndarray of shape (n_models, n_samples)) that `write_vectors` wrote."""
    check(path, schema)
    with pq.ParquetFile(path) as file:  # row group by row group, so that only one is there twice
        n, size = file.metadata.num_rows, file.schema_arrow.field(1).type.list_size
        models, vectors, done = [], np.empty((n, size)), 0
        for batch in file.iter_batches(batch_size=256, columns=schema.names[:2]):
            names, values = batch.columns
            vectors[done : done + len(names)] = values.flatten().to_numpy().reshape(-1, size)
            models += names.to_pylist()
            done += len(names)
    return models, vectors


def read_scores(files):
    """Read the scores of a dataset, {model}/{shard}.parquet: dict of model to all its rows.

    Of the token lists, which are most of a file, only `first_token_log_likelihood` is kept.
    """
    shards = {}
    for file in files:
        frame = read(file, SCORES).with_columns(
            first_token_log_likelihood=pl.col("token_log_likelihoods").list.first()
        )
        lists = ("token_ids", "token_ends", "token_log_likelihoods")
        shards.setdefault(Path(file).parent.name, []).append(frame.drop(lists))
    return {model: pl.concat(frames) for model, frames in sorted(shards.items())}


def read_kept(*, matrix, samples, models, schema=MATRIX):
    """Read what counts: names of kept models, kept samples, numbers of `matrix` between them."""
    names, L = read_vectors(matrix, schema)
    samples, models = read(samples, MATRIX_SAMPLES), read(models, MATRIX_MODELS)
    if not (models["kept"].all() and samples["kept"].all()):
        L = L[np.ix_(models["kept"].to_numpy(), samples["kept"].to_numpy())]
    return models.filter("kept")["model"].to_list(), samples.filter("kept"), L


def weights(samples):
    """What the coordinates of samples (of MATRIX_SAMPLES) are multiplied by; None: all alike."""
    return None if samples["weight"].null_count() else samples["weight"].to_numpy()


def read(path, schema, *, columns=None):
    """Read the file at `path`, of `schema`, as a polars frame; of some columns, or of all.

    Raises
    ------
    OtherVersion
        If the file holds something else, or another version of it.
    """
    return pl.from_arrow(read_table(path, schema, columns=columns))


def read_table(path, schema, *, columns=None):
    """Read the file at `path`, of `schema`, as a pyarrow table."""
    check(path, schema)
    with _reading(path):
        return pq.read_table(path, columns=columns)


def check(path, schema):
    """Raise OtherVersion if the file at `path` holds something else, or another version of it."""
    with _reading(path):
        found = pq.read_schema(path)
    metadata = found.metadata or {}
    for key in (b"name", b"version"):
        if metadata.get(key) != schema.metadata[key]:
            raise OtherVersion(
                f"{path}: expected {_says(schema.metadata)}, found {_says(metadata)}; "
                "delete it and run the workflow again"
            )


@contextmanager
def _reading(path):
    """What Arrow finds broken is told with its place."""
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        if getattr(error, "errno", None) is not None:  # of the disk, or not there
            raise
        said = " ".join(str(error).split())
        raise Broken(f"{path}: {said}; delete it and run the workflow again") from error


def n_rows(path):
    """How many rows a Parquet file has."""
    return pq.read_metadata(path).num_rows


def provenance(path):
    """What the footer of a file says about how it was made."""
    return json.loads(pq.read_schema(path).metadata[b"provenance"])


def is_made_by(path, schema, settings):
    """Whether there is a file of this version of `schema` whose provenance says these settings."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (FileNotFoundError, pa.ArrowInvalid):  # a broken file is nobody's
        return False
    if metadata.get(b"version") != schema.metadata[b"version"]:
        return False
    said = json.loads(metadata[b"provenance"])
    return all(said.get(key) == value for key, value in settings.items())


def _from_frame(frame, *, schema):
    columns = [
        frame[field.name].to_arrow().cast(field.type)
        if field.name in frame.columns
        else pa.nulls(frame.height, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _says(metadata):
    name, number = (metadata.get(k, b"?").decode() for k in (b"name", b"version"))
    return f"{name} of version {number}"
