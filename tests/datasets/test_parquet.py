"""Tables in Parquet files: the same rows whatever the files, row groups and batches."""

import random
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelmap.datasets import parquet

N = 60
TABLE = pa.table({"text": [f"text {i}" for i in range(N)], "other": list(range(N))})


@pytest.fixture(autouse=True)
def _working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(*n_rows, row_group_size=None, table=TABLE):
    """Write the table to files data/0.parquet and so on, of so many rows each."""
    Path("data").mkdir(exist_ok=True)
    begin = 0
    for i, n in enumerate(n_rows):
        part = table.slice(begin, n)
        pq.write_table(part, f"data/{i}.parquet", row_group_size=row_group_size)
        begin += n
    assert begin == len(table)


def spoil(file, group):
    """Overwrite the data of a row group, nothing else."""
    column = pq.ParquetFile(file).metadata.row_group(group).column(0)
    content = bytearray(Path(file).read_bytes())
    begin = column.dictionary_page_offset or column.data_page_offset
    content[begin : begin + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    Path(file).write_bytes(content)


@pytest.fixture
def draw(read):
    def draw(path="data/*.parquet", **keys):
        return read(source="parquet", path=path, target="text", **keys)

    return draw


@pytest.mark.parametrize("n_rows", [(60,), (30, 0, 7, 23)])
@pytest.mark.parametrize("row_group_size", [1, 7, 60])
@pytest.mark.parametrize("at_once", [1, 4, 64])
def test_a_draw_hangs_on_the_rows_alone(draw, monkeypatch, n_rows, row_group_size, at_once):
    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", at_once)
    write(*n_rows, row_group_size=row_group_size)
    drawn = sorted(random.Random(3).sample(range(N), 20))
    found = [(row["sample_id"], row["target"]) for row in draw(n_samples=20, seed=3)]
    assert found == [(str(i), f"text {i}") for i in drawn]
    assert [row["target"] for row in draw()] == TABLE["text"].to_pylist()


def test_what_is_not_picked_is_not_read(draw, problem):
    write(N, row_group_size=6)
    for group in range(1, 10):
        spoil("data/0.parquet", group)
    seed = next(s for s in range(99) if random.Random(s).sample(range(N), 1)[0] < 6)
    (row,) = draw(n_samples=1, seed=seed)
    assert int(row["sample_id"]) < 6
    found = problem(source="parquet", path="data/0.parquet", target="text")
    assert found.startswith("data/0.parquet cannot be read as Parquet: ")


def test_a_draw_from_a_large_table_holds_little_of_it():
    """Of 40 MB a few row groups of 1 MB."""
    size = 20_000
    image = [random.Random(i).randbytes(size) for i in range(2000)]
    pq.write_table(pa.table({"text": image}), "large.parquet", row_group_size=50)
    source = parquet.Source(
        dict.fromkeys(("image", "options", "answer", "prompt_column", "stratum", "id"))
        | {"path": "large.parquet", "target": "text"}
    )
    held = [pa.total_allocated_bytes()]
    for _, record in source._records(dict.fromkeys(range(0, 2000, 20))):
        assert len(record["text"]) == size
        held.append(pa.total_allocated_bytes())
    assert len(held) == 101
    assert max(held) - held[0] < 1e7


def test_files_of_other_writers_are_read(draw):
    frame = pl.DataFrame({"text": ["a", "b", "a"]})
    frame.write_parquet("text.parquet")
    frame.cast(pl.Categorical).write_parquet("category.parquet")
    pq.write_table(
        pa.table({"text": pa.array(["a", "b", "a"], pa.large_string())}), "large.parquet"
    )
    for name in ("text", "category", "large"):
        assert [row["target"] for row in draw(f"{name}.parquet")] == ["a", "b", "a"]


def test_files_are_told_apart_by_name_and_found_in_folders(draw, problem):
    write(40, 20)
    assert len(draw("data/0.parquet")) == 40
    assert len(draw("**/*.parquet")) == N
    pq.write_table(TABLE.select(["other"]), "data/1.parquet")
    found = problem(source="parquet", path="data/*.parquet", target="text")
    assert found == "data/1.parquet: no column 'text' (target); its columns: other"


def test_bad_files(problem):
    def said(path):
        return problem(source="parquet", path=path, target="text")

    write(N)
    Path("text.parquet").write_text("text\na\n")
    Path("empty.parquet").touch()
    whole = Path("data/0.parquet").read_bytes()
    Path("cut.parquet").write_bytes(whole[: len(whole) // 2])
    for name in ("text", "empty", "cut"):
        start = f"{name}.parquet cannot be read as Parquet: "
        assert said(f"{name}.parquet").startswith(start)
    assert said("none/*.parquet") == "none/*.parquet: no such file"
    assert said("data").startswith("data cannot be read as Parquet: ")


def test_too_few_rows(draw, problem):
    write(40, 20)
    keys = {"source": "parquet", "path": "data/*.parquet", "target": "text"}
    assert len(draw(n_samples=N)) == N
    assert problem(n_samples=61, **keys) == "n_samples is 61, but data/*.parquet has only 60 pairs"
    pq.write_table(TABLE.slice(0, 0), "none.parquet")
    assert problem(**keys | {"path": "none.parquet"}) == "none.parquet: no rows"
