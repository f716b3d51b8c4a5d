"""Source `parquet`: a table in one Parquet file, or in several."""

from contextlib import contextmanager
from glob import glob

import pyarrow as pa
import pyarrow.parquet as pq

from modelmap.datasets import columns
from modelmap.datasets.problems import InvalidDataset

ROWS_AT_ONCE = 64  # images are large
READ_AT_ONCE = 2**20  # bytes


class Source:
    """The rows of the files that `path` names (a file, or a pattern such as data/*.parquet).

    Raises
    ------
    InvalidDataset
        If there is no such file, one is no Parquet file, or a column is not there.
    """

    facts = {}

    def __init__(self, block):
        self.block = block
        self.files = sorted(glob(block["path"], recursive=True))
        if not self.files:
            raise InvalidDataset(f"{block['path']}: no such file")
        self.n = 0
        for file in self.files:
            with _reading(file):
                found = pq.ParquetFile(file)
            columns.expect(block, found.schema_arrow.names, file)
            self.n += found.metadata.num_rows

    def __len__(self):
        return self.n

    def rows(self, picks):
        """The rows (columns of tables.SAMPLES) of `picks`: row -> numbers of its texts."""
        return columns.take(self.block, self._records(picks), picks, self.block["path"])

    def _records(self, picks):
        wanted = columns.wanted(self.block)
        number = 0
        for file in self.files:
            with _reading(file):
                # Else pyarrow holds a whole file, however few rows are read at once.
                table = pq.ParquetFile(file, pre_buffer=False, buffer_size=READ_AT_ONCE)
                for group in range(table.num_row_groups):
                    n = table.metadata.row_group(group).num_rows
                    if not picks.keys().isdisjoint(range(number, number + n)):
                        yield from _picked(table, group, wanted, number, picks)
                    number += n


@contextmanager
def _reading(file):
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        raise InvalidDataset(f"{file} cannot be read as Parquet: {error}") from None


def _picked(table, group, wanted, number, picks):
    """(number, columns) of the rows picked of a row group whose first row is `number`."""
    for batch in table.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=wanted):
        some = [i for i in range(batch.num_rows) if number + i in picks]
        records = batch.take(pa.array(some, "int64")).to_pylist()
        yield from zip([number + i for i in some], records, strict=True)
        number += batch.num_rows
