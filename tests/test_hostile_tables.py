"""What tables of a stranger may try: names that are paths or no text, lines without an end."""

from pathlib import Path

import numpy as np
import pytest

from modelmap import benchmarks, foreign, sheet, tables
from modelmap.matrix_files import InvalidMatrix
from modelmap.validation import InvalidInput

SCHEMAS = Path(__file__).parents[1] / "workflow/schemas"
PATHS = [
    "../x",
    "..",
    ".",
    "/etc/x",
    "a/b",
    "a\\b",
    "-rf",
    ".hidden",
    "a..b",
    "a b",
    "a\0b",
    "~",
    "ü",
]


def rows(folder, line):
    (folder / "models.tsv").write_text(f"model\trepo\tlabel\n{line}\n")
    return sheet.read_models(folder / "models.tsv", SCHEMAS, zoo=())


@pytest.mark.parametrize("name", PATHS)
def test_a_model_is_called_nothing_that_a_path_would_follow(tmp_path, name):
    with pytest.raises(InvalidInput, match=r"models.tsv line 2, column 1 \(model"):
        rows(tmp_path, f"{name}\t./x\t")


@pytest.mark.parametrize("character", ["\0", "\x08", "\x1b", "\x1f"])
def test_a_sheet_holds_text(tmp_path, character):
    with pytest.raises(InvalidInput, match=r"line 2, column 3 \(label, model a\): found .* remove"):
        rows(tmp_path, f"a\t./a\tthe{character}label")
    assert rows(tmp_path, "a\t./a\t<b>$\\frac{</b>")[0]["label"] == "<b>$\\frac{</b>"


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/passwd", "..", "a\0b", "<script>", "x" * 5000, "ü / é", "-x"]
)
def test_a_benchmark_is_a_file_in_its_folder_whatever_it_is_called(tmp_path, name):
    file = tmp_path / f"{benchmarks.file_name(name)}.svg"
    file.touch()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_benchmarks_that_would_be_one_file_are_told(tmp_path):
    table = tmp_path / "scores.tsv"
    for names in (("a/b", "a:b"), ("x" * 300, "x" * 301)):
        table.write_text("\t".join(("name", *names)) + "\nm\t1\t2\n")
        with pytest.raises(benchmarks.InvalidBenchmarks, match="stands twice"):
            benchmarks.read_table(table)


def test_a_line_of_names_that_does_not_end_is_refused_early(tmp_path):
    path = tmp_path / "m.csv"
    with path.open("wb") as file:
        file.write(b"sample_id,")
        file.truncate(2**31)
    with pytest.raises(InvalidMatrix, match="m.csv line 1: 67,108,864 characters or more"):
        foreign.names(path)
    path.write_text("sample_id," + "x" * 200_000)
    with pytest.raises(InvalidMatrix, match="line 1: field larger than field limit"):
        foreign.names(path)


def test_names_in_a_matrix_are_text_and_no_paths(tmp_path):
    names = ["../../etc/passwd", "/etc/passwd", "<script>", "a\\b"]
    rows = {"model": names, "log_likelihood": -np.ones((4, 3))}
    tables.write_vectors(tmp_path / "m.parquet", tables.MATRIX, *rows.values())
    assert foreign.names(tmp_path / "m.parquet") == names
    assert [path.name for path in tmp_path.iterdir()] == ["m.parquet"]
