"""A bad config: every problem at its place, with what to do."""

import json
from pathlib import Path

import pytest
import yaml

from modelmap.validation import (
    InvalidInput,
    validate_config,
)

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "workflow" / "schemas"
MINIMAL = "models: models.tsv\ndatasets:\n  s: {source: scenes}\n"


@pytest.fixture(autouse=True)
def _working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def config_problems(*texts, config=None):
    """Return the lines of the message for config files a.yaml, b.yaml, … with these texts."""
    files = [Path(f"{'abc'[i]}.yaml").absolute() for i in range(len(texts))]  # as of Snakemake
    merged = {}
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
        if config is None:
            merged |= yaml.full_load(text) or {}
    with pytest.raises(InvalidInput) as error:
        validate_config(merged if config is None else config, files, SCHEMAS)
    return str(error.value).split("\n")


def says(line, wanted):
    """Tell whether a message is as wanted; an ellipsis at the end leaves the rest open."""
    return line.startswith(wanted[:-1]) if wanted.endswith("…") else line == wanted


# Configs that pass


def test_defaults_are_not_shared():
    given = yaml.safe_load(MINIMAL + "  t: {source: scenes}\n")
    first, second = validate_config(given, [], SCHEMAS)["datasets"].values()
    first["variants"].append("blank")
    assert second["variants"] == ["given"]


def test_nested_text_of_the_command_line_gets_its_type():
    block = {"source": "scenes", "n_samples": "4", "prompt": "5", "models": '["a"]'}
    other = {"source": "scenes", "prompt": '"5"'}
    given = {"models": "m", "datasets": {"s": block, "t": other}, "benchmarks": {"table": "null"}}
    config = validate_config(given, [], SCHEMAS)
    found = config["datasets"]["s"]
    assert (found["n_samples"], found["prompt"], found["models"]) == (4, "5", ["a"])
    assert config["datasets"]["t"]["prompt"] == '"5"'
    assert config["benchmarks"]["table"] is None


# Configs that do not


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "on_mising: error",
            "a.yaml line 4, column 1: on_mising: unknown key; did you mean "
            '"on_missing"? (known: models, on_missing, datasets, score, map, stability, '
            "benchmarks, subsets, theory)",
        ),
        ("map: {pca: {k: 2}}", "a.yaml line 4, column 13: map.pca.k: unknown key (known: none)"),
        (
            "score: {batch_tokens: many}",
            'a.yaml line 4, column 23: score.batch_tokens: found "many", expected "auto" or '
            "an integer >= 1",
        ),
        (
            "score: {batch_tokens: 0}",
            'a.yaml line 4, column 23: score.batch_tokens: found 0, expected "auto" or '
            "an integer >= 1",
        ),
        (
            "score: {dtype: Float23}",
            'a.yaml line 4, column 16: score.dtype: found "Float23", expected "auto", "float32", '
            '"bfloat16" or "float16"; did you mean "float32"?',
        ),
        (
            "score: {device: gpu}",
            'a.yaml line 4, column 17: score.device: found "gpu", expected "auto", "cpu", "cuda" '
            'or "mps"',
        ),
        (
            "score: {require_image_use: 1}",
            "a.yaml line 4, column 28: score.require_image_use: found 1, expected true or false",
        ),
        (
            "map: {n_bootstrap: 8.0}",
            "a.yaml line 4, column 20: map.n_bootstrap: found 8.0, expected an integer >= 1",
        ),
        (
            "map: {n_bootstrap: true}",
            "a.yaml line 4, column 20: map.n_bootstrap: found true, expected an integer >= 1",
        ),
        (
            "map: {level: .nan}",
            "a.yaml line 4, column 14: map.level: found NaN, expected a number > 0 and < 1",
        ),
        (
            "map: {clip: 1e-2}",
            'a.yaml line 4, column 13: map.clip: found "1e-2", expected a number > 0 and < 0.5 '
            "(to YAML, 1e-2 is text and 0.01 a number) or null",
        ),
        (
            "map: {tsne: {max_iter: 249}}",
            "a.yaml line 4, column 24: map.tsne.max_iter: found 249, expected an integer >= 250",
        ),
        (
            "map: [clip]",
            'a.yaml line 4, column 6: map: found ["clip"], expected a block of keys',
        ),
        (
            "map:",
            "a.yaml line 4, column 5: map: found nothing, expected a block of keys; "
            "leave the key out for its default",
        ),
        (
            "benchmarks: {table: ''}",
            'a.yaml line 4, column 21: benchmarks.table: found "", expected the path of a table '
            "or null",
        ),
        (
            "models: other.tsv",
            "a.yaml line 4, column 1: models: stands twice, first in line 1; keep one",
        ),
        (
            "map: {tsne: {metric: cosine, metric: cosine}}",
            "a.yaml line 4, column 30: metric: stands twice, first in line 4; keep one",
        ),
        (
            f"on_missing: {'x' * 99}",
            f'a.yaml line 4, column 13: on_missing: found "{"x" * 78}…, expected "report" '
            'or "error"',
        ),
        (
            "7: x",
            "a.yaml line 4, column 1: 7: YAML reads this name as int, not as text; put it in "
            "quotes",
        ),
    ],
)
def test_config_problem(line, problem):
    assert says(config_problems(f"{MINIMAL}{line}\n")[0], problem)


VARIANTS = (
    'a list, "given" in it and nothing twice, of given, shuffled, shuffled-2 to shuffled-8, '
    "blank, none, no_prompt"
)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (
            "{source: scenes, varients: [given]}",
            'line 3, column 23: datasets.s.varients: unknown key; did you mean "variants"? '
            "(known: source, path, …",
        ),
        (
            "{source: foldr}",
            'line 3, column 15: datasets.s.source: found "foldr", expected "scenes", "stdlib", '
            '"folder", "coco", "parquet", "hub" or "matrix"; did you mean "folder"?',
        ),
        ("{}", 'line 3, column 3: datasets.s: "source" is missing; add "source: …" (Where …'),
        (
            "{source: folder}",
            'line 3, column 3: datasets.s: "path" is missing; add "path: …" (`folder`: …',
        ),
        (
            "{source: folder, path: null}",
            "line 3, column 29: datasets.s.path: found nothing, expected the folder that holds "
            "metadata.jsonl",
        ),
        (
            "{source: scenes, path: here}",
            'line 3, column 29: datasets.s.path: found "here", expected no path: this source '
            "brings its own samples",
        ),
        (
            "{source: scenes, n_samples: 0}",
            "line 3, column 34: datasets.s.n_samples: found 0, expected an integer >= 1 or null",
        ),
        (
            "{source: scenes, prompt: 7}",
            "line 3, column 31: datasets.s.prompt: found 7, expected text or null",
        ),
        (
            "{source: scenes, prompt: 2024-01-01}",
            'line 3, column 31: datasets.s.prompt: found "2024-01-01", expected text or null',
        ),
        (
            "{source: scenes, variants: [given, blnk]}",
            'line 3, column 41: datasets.s.variants item 2: found "blnk", expected given, '
            "shuffled (or shuffled-2 to shuffled-8), blank, none or no_prompt; did you mean "
            '"blank"?',
        ),
        *(
            (
                f"{{source: scenes, variants: [{', '.join(found)}]}}",
                f"line 3, column 33: datasets.s.variants: found {json.dumps(found)}, "
                f"expected {VARIANTS}",
            )
            for found in ([], ["blank"], ["given", "given"])
        ),
        (
            "{source: scenes, models: []}",
            "line 3, column 31: datasets.s.models: found [], expected a list of models' "
            "names, none twice, or null",
        ),
        (
            "scenes",
            'line 3, column 6: datasets.s: found "scenes", expected a block such as '
            '"{source: scenes}"',
        ),
    ],
)
def test_dataset_problem(block, problem):
    (line,) = config_problems(f"models: models.tsv\ndatasets:\n  s: {block}\n")
    assert says(line, f"a.yaml {problem}")


@pytest.mark.parametrize("name", ["../x", "a/b", "a..b", ".a", "-a", "a b", "é", '"a\\n"', '""'])
def test_name_of_a_dataset(name):
    (line,) = config_problems(f"models: m.tsv\ndatasets:\n  {name}: {{source: scenes}}\n")
    assert line.startswith("a.yaml line 3, column 3: datasets.")
    assert "not allowed as a name; expected letters, digits" in line


@pytest.mark.parametrize("name", ["1", "on", "2024-01-01", "null"])
def test_name_of_a_dataset_that_yaml_reads_as_something_else(name):
    (line,) = config_problems(f"models: m.tsv\ndatasets:\n  {name}: {{source: scenes}}\n")
    assert line.startswith("a.yaml line 3, column 3: datasets.")
    assert line.endswith("not as text; put it in quotes")
    quoted = yaml.safe_load(f'models: m.tsv\ndatasets:\n  "{name}": {{source: scenes}}\n')
    assert list(validate_config(quoted, [], SCHEMAS)["datasets"]) == [name]


def test_datasets_that_differ_by_case():
    (line,) = config_problems(f"{MINIMAL}  S: {{source: scenes}}\n")
    assert line.startswith('a.yaml line 4, column 3: datasets.S: differs from "s" by case alone')


@pytest.mark.parametrize(("value", "shown"), [("", "nothing"), ("{}", "{}"), ("[s]", '["s"]')])
def test_datasets_that_are_none(value, shown):
    (line,) = config_problems(f"models: m.tsv\ndatasets: {value}\n")
    assert line.startswith("a.yaml line 2, column 1")
    wanted = 'at least one block such as "scenes: {source: scenes}"'
    assert line.endswith(f"datasets: found {shown}, expected {wanted}")


def test_empty_config_names_the_file_and_what_to_add():
    lines = config_problems("# nothing yet\n")
    assert [line.split(" (")[0] for line in lines] == [
        'a.yaml: "datasets" is missing; add "datasets: …"',
        'a.yaml: "models" is missing; add "models: …"',
    ]


def test_all_problems_are_told_at_once_and_in_order():
    lines = config_problems("modles: x\ndatasets:\n  s:\n    source: scene\n    seed: -1\n")
    assert [line.split(": ")[0] for line in lines] == [
        "a.yaml",
        "a.yaml line 1, column 1",
        "a.yaml line 4, column 13",
        "a.yaml line 5, column 11",
    ]


def test_the_last_file_that_has_the_key_is_named():
    lines = config_problems(MINIMAL + "on_missing: x\nscore: {dtype: x}\n", "\non_missing: y\n")
    assert [line.split(": found")[0] for line in lines] == [
        "a.yaml line 5, column 16: score.dtype",
        "b.yaml line 2, column 13: on_missing",
    ]


def test_what_no_file_has_comes_from_the_command_line():
    config = yaml.safe_load(MINIMAL) | {"on_missing": "no", "colour": 1, "score": {"dtype": "x"}}
    lines = config_problems(MINIMAL + "on_missing: report\n", config=config)
    assert [line[:33] for line in lines] == [
        "--config: colour: unknown key (kn",
        '--config: on_missing: found "no",',
        '--config: score.dtype: found "x",',
    ]


def test_positions_in_json_with_tabs():
    text = '{\n\t"models": "m",\n\t"datasets": {"s": {"source": "x"}}\n}\n'
    (line,) = config_problems(text, config=json.loads(text))
    assert line.startswith('a.yaml line 3, column 31: datasets.s.source: found "x"')


def test_positions_through_anchors():
    lines = config_problems(
        "models: m\ndatasets:\n  a: &a\n    source: scenes\n    seed: x\n"
        "  b: {<<: *a, seed: 3}\n  c: {<<: *a}\n"
    )
    assert [line.split(": found")[0] for line in lines] == [
        "a.yaml line 5, column 11: datasets.a.seed",
        "a.yaml line 5, column 11: datasets.c.seed",
    ]


def test_files_elsewhere_keep_their_whole_path(tmp_path, monkeypatch):
    file = tmp_path / "a.yaml"
    file.write_text("{}")
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    with pytest.raises(InvalidInput, match=f"^{file}: "):
        validate_config({}, [file], SCHEMAS)
