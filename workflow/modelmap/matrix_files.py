"""Files that others write a matrix to: CSV, TSV, Parquet; what is wrong is told with its place."""

import csv
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from modelmap.validation import nearest

SEPARATORS = {".csv": ",", ".tsv": "\t"}
BLOCK = 64 << 20  # bytes read at once: more than a line may have


class InvalidMatrix(ValueError):
    """What is wrong with a matrix: file, place, what was found and what was expected."""


def header(path):
    """Return the columns of a table of text."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            line = lines.readline(BLOCK)
        if len(line) == BLOCK:
            raise InvalidMatrix(
                f"{path} line 1: {BLOCK:,} characters or more, expected names of columns"
            )
        if line.count('"') % 2:
            raise InvalidMatrix(f"{path} line 1: a name that goes on in the next line; rename it")
        columns = next(csv.reader([line], delimiter=SEPARATORS[path.suffix]), [])
    except UnicodeDecodeError:
        raise InvalidMatrix(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except csv.Error as error:
        raise InvalidMatrix(f"{path} line 1: {error}; expected names of columns") from None
    first = {}
    for i, name in enumerate(columns, 1):
        if first.setdefault(name, i) != i:
            place = f"{path} line 1, column {i}"
            raise InvalidMatrix(f'{place}: "{name}" is column {first[name]} already; keep one')
    return columns


def read_csv(path, types):
    """Read a table of text, columns that `types` does not name as text; a pyarrow table.

    Raises
    ------
    InvalidMatrix
        If a cell is not of its column's type, or a line has more or fewer than the header.
    """
    columns = header(path)
    types = dict.fromkeys(columns, pa.string()) | types
    try:
        return pa.csv.read_csv(
            path,
            pa.csv.ReadOptions(use_threads=False, block_size=BLOCK),
            pa.csv.ParseOptions(delimiter=SEPARATORS[path.suffix]),
            pa.csv.ConvertOptions(column_types=types),
        )
    except pa.ArrowInvalid as error:
        raise InvalidMatrix(_explained(path, columns, str(error))) from None


def expect_vectors(path):
    """Refuse a Parquet file that does not hold a model's name and numbers in each row."""
    kinds = column_types(path)
    for name, is_right, holds in (
        ("model", _is_text, "text"),
        ("log_likelihood", _is_vector, "a list of numbers in each row"),
    ):
        if name not in kinds:
            hint = nearest(name, kinds)
            raise InvalidMatrix(f'{path}: column "{name}" ({holds}) is missing{hint}')
        if not is_right(kinds[name]):
            raise InvalidMatrix(f'{path}: column "{name}" holds {kinds[name]}, expected {holds}')
    expect_known(path, kinds, ("model", "log_likelihood"))


def column_types(path):
    """Return the columns of a Parquet file, name -> type."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidMatrix(f"{path}: not a whole Parquet file: {error}"[:200]) from None
    return dict(zip(schema.names, schema.types, strict=True))


def expect_known(path, columns, known):
    """Refuse columns that mean nothing here."""
    for name in columns:
        if name not in known:
            hint = f"{nearest(name, known)} (known: {', '.join(known)})"
            raise InvalidMatrix(f'{path}: unknown column "{name}"{hint}; rename or drop it')


def vectors(path, found):
    """Return the numbers of a Parquet file, shape (n_models, n_samples); missing ones are NaN."""
    lists = pq.read_table(path, columns=["log_likelihood"]).column(0).combine_chunks()
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    for i in np.flatnonzero(lengths != lengths[0])[:1]:
        said = f'model "{found[i]}" has {lengths[i]} numbers, "{found[0]}" has {lengths[0]}'
        raise InvalidMatrix(f"{path}: {said}; expected one per sample in each")
    values = lists.flatten().to_numpy(zero_copy_only=False)
    return values.astype(float).reshape(len(found), lengths[0])


def _explained(path, columns, message):
    """Arrow's message with the line of the file; Arrow counts rows without the empty ones."""
    if "invalid UTF8" in message:
        return f"{path}: not UTF-8 text; save it as UTF-8"
    column, row = (re.search(pattern, message) for pattern in (r"column #(\d+)", r"Row #(\d+)"))
    place = str(path)
    if row:
        text = path.read_text(encoding="utf-8", errors="replace")
        lines = [n for n, line in enumerate(text.split("\n"), 1) if line.strip()]
        place += f" line {lines[int(row[1]) - 1]}"
    if column:
        place += f", column {int(column[1]) + 1} ({columns[int(column[1])]})"
    if value := re.search(r"invalid value '(.*)'$", message, re.DOTALL):
        return f"{place}: found {value[1]!r}, expected a number, or nothing where it is missing"
    return f"{place}: {re.sub(r'^.*Row #[0-9]+: ', '', message)}"[:300]


def _is_text(kind):
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in tests)


def _is_vector(kind):
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    numbers = (pa.types.is_floating, pa.types.is_integer)
    return any(t(kind) for t in tests) and any(number(kind.value_type) for number in numbers)
