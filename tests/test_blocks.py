"""Datasets' blocks: keys that belong to another source, gaps, variants, models of the sheet."""

from pathlib import Path

import pytest
import yaml

from modelmap.blocks import check_datasets, shows_images
from modelmap.validation import InvalidInput, validate_config

SCHEMAS = Path(__file__).parents[1] / "workflow" / "schemas"
ROWS = [{"model": "qwen", "repo": "a/b"}, {"model": "llava", "repo": "./x"}]
IN_MATRIX = ["org/a", "b"]


@pytest.fixture(autouse=True)
def _working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def check(block, rows=ROWS, files=("a.yaml",)):
    """Check a config whose only dataset, s, has this block (text); return it filled in."""
    text = f"models: m.tsv\ndatasets:\n  s: {block}\n"
    Path("a.yaml").write_text(text)
    config = validate_config(yaml.safe_load(text), ["a.yaml"], SCHEMAS)
    blocks = config["datasets"].items()
    matrices = {name: IN_MATRIX for name, one in blocks if one["source"] == "matrix"}
    check_datasets(config, rows, files, SCHEMAS, matrices=matrices)
    return config["datasets"]["s"]


def problems(block, **options):
    with pytest.raises(InvalidInput) as error:
        check(block, **options)
    return str(error.value).split("\n")


def test_datasets_list_models_of_the_sheet():
    block = "{source: scenes, models: [qwen, lava]}"
    assert problems(block) == [
        'a.yaml line 3, column 38: datasets.s.models item 2: found "lava", expected a model of '
        'm.tsv; did you mean "llava"?'
    ]
    check(block, rows=[*ROWS, {"model": "lava", "repo": "c"}])
    (line,) = problems(block, files=())
    assert line.startswith("config: datasets.s.models item 2: ")


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("{source: scenes, split: val}", 'split: only source hub has it; this is "scenes"'),
        ("{source: folder, path: x, image: y}", "image: only source parquet or hub has it; this"),
        ("{source: parquet, path: x, target: t, among: 9}", "among: only source hub has it; this"),
        ("{source: parquet, path: x}", '"target" is missing; add "target: COLUMN"'),
        ("{source: hub, path: a/b, target: t, options: [x, y], answer: z}", "exclude each other"),
        ("{source: hub, path: a/b, options: [x, y]}", '"options" and "answer" go together'),
        ("{source: hub, path: a/b, target: t, answer: z}", '"options" and "answer" go together'),
        ("{source: hub, path: a/b, target: t, answer_only: true}", '"answer_only" is of "options"'),
        (
            "{source: hub, path: a, options: c, answer: z, targets_per_image: 2}",
            'is of "target"; all options',
        ),
        ("{source: scenes, variants: [given, no_prompt]}", "images: no_prompt is of text"),
        ("{source: stdlib, variants: [given, shuffled]}", "which is of text alone"),
        ("{source: parquet, path: x, target: t, variants: [given, blank]}", "which is of text"),
        ("{source: coco, path: x}", 'found "x", expected annotations and images'),
        ("{source: coco, path: {annotations: x}}", '"images" is missing'),
        ("{source: coco}", '"path" is missing'),
        ("{source: stdlib, path: x}", "this source brings its own samples"),
        ("{source: matrix}", '"path" is missing'),
        ("{source: matrix, path: x.csv, n_samples: 9}", 'or hub has it; this is "matrix"'),
        ("{source: matrix, path: x.csv, prompt: Why}", 'or hub has it; this is "matrix"'),
        ("{source: scenes, samples_from: s}", 'only source matrix has it; this is "scenes"'),
        ("{source: matrix, path: x.csv, models: [b, org/c]}", '"org/c", expected a model of x.csv'),
        ("{source: matrix, path: x.csv, models: [qwen]}", "expected a model of x.csv with a repo"),
        (
            "{source: matrix, path: x.csv, samples_from: s}",
            'found "s", expected a dataset here that is no matrix',
        ),
    ],
)
def test_what_a_block_may_not_say(block, problem):
    (line,) = problems(block)
    assert line.startswith("a.yaml line 3")
    assert problem in line


def test_a_matrix_has_its_own_models_and_those_scored_on_its_samples():
    check("{source: matrix, path: x.csv, models: [org/a]}")
    block = "{source: matrix, path: x.csv, models: [org/a, qwen, lava], samples_from: t}"
    block += "\n  t: {source: scenes}"
    (line,) = problems(block)
    assert 'found "lava", expected a model of x.csv or m.tsv; did you mean "llava"?' in line


def test_a_model_of_the_sheet_without_a_repo_is_scored_nowhere():
    rows = [*ROWS, {"model": "b", "repo": None}]
    (line,) = problems("{source: scenes, models: [b]}", rows=rows)
    assert 'found "b", expected a model of m.tsv with a repo' in line


def test_datasets_that_are_compared_must_be_there():
    text = "models: m\ndatasets:\n  scenes: {source: scenes}\nbenchmarks: {datasets: [scene]}\n"
    Path("a.yaml").write_text(text)
    config = validate_config(yaml.safe_load(text), ["a.yaml"], SCHEMAS)
    with pytest.raises(InvalidInput) as error:
        check_datasets(config, ROWS, ["a.yaml"], SCHEMAS, matrices={})
    assert str(error.value) == (
        'a.yaml line 4, column 25: benchmarks.datasets item 1: found "scene", expected a dataset '
        'of this config; did you mean "scenes"?'
    )


def test_theory_is_of_datasets_that_are_scored():
    text = "models: m\ndatasets:\n  s: {source: scenes}\n  x: {source: matrix, path: x.csv}\n"
    text += "theory: {datasets: [s, x]}\nbenchmarks: {datasets: [x]}\n"
    Path("a.yaml").write_text(text)
    config = validate_config(yaml.safe_load(text), ["a.yaml"], SCHEMAS)
    with pytest.raises(InvalidInput) as error:
        check_datasets(config, ROWS, ["a.yaml"], SCHEMAS, matrices={"x": IN_MATRIX})
    assert str(error.value) == (
        'a.yaml line 5, column 24: theory.datasets item 2: found "x", expected a dataset that is '
        "scored here: of a matrix there is nobody to write texts"
    )


def test_a_name_may_not_end_as_tables_beside_a_matrix_do():
    config = {"models": "m.tsv", "datasets": {"x.pmi": {"source": "scenes"}}}
    with pytest.raises(InvalidInput, match="x.pmi: the name's end is that of a table"):
        check_datasets(validate_config(config, [], SCHEMAS), ROWS, [], SCHEMAS, matrices={})


@pytest.mark.parametrize(
    ("block", "images"),
    [
        ("{source: scenes}", True),
        ("{source: stdlib}", False),
        ("{source: coco, path: {annotations: a, images: b}}", True),
        ("{source: hub, path: a/b, target: t}", False),
        ("{source: hub, path: a/b, target: t, image: i}", True),
        ("{source: parquet, path: x, options: [a, b], answer: c}", False),
    ],
)
def test_a_block_is_of_images_or_of_text(block, images):
    assert shows_images(check(block)) == images


def test_a_subset_is_a_file_that_no_run_here_makes():
    Path("mine.parquet").touch()
    assert check("{source: scenes, subset: mine.parquet}")["subset"] == "mine.parquet"
    (line,) = problems("{source: scenes, subset: yours.parquet}")
    found = 'a.yaml line 3, column 31: datasets.s.subset: found "yours.parquet"'
    assert line == f"{found}, expected a file that exists"
    made = Path("results/subsets/s/ls-0.1.parquet")
    made.parent.mkdir(parents=True)
    made.touch()
    (line,) = problems(f"{{source: scenes, subset: ./{made}}}")
    assert line.endswith("expected a copy elsewhere: a model more would choose these samples anew")
