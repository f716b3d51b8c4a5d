"""A bad model sheet: every problem at its place, with what to do."""

from pathlib import Path

import pytest

from modelmap.sheet import check_benchmark_names, read_models
from modelmap.validation import InvalidInput, load_schema

SCHEMAS = Path(__file__).parents[1] / "workflow" / "schemas"
ZOO = ("a", "b", "big-one")


@pytest.fixture(autouse=True)
def _working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(path="models.tsv", given=()):
    return read_models(path, SCHEMAS, zoo=ZOO, given=given)


def sheet_problems(text):
    """Return the lines of the message for a sheet models.tsv with this text."""
    Path("models.tsv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidInput) as error:
        read()
    return str(error.value).split("\n")


def says(line, wanted):
    """Tell whether a message is as wanted; an ellipsis at the end leaves the rest open."""
    return line.startswith(wanted[:-1]) if wanted.endswith("…") else line == wanted


def test_sheet_is_typed_and_completed():
    Path("models.tsv").write_bytes(
        b"\xef\xbb\xbf# made by hand\r\n\r\n"
        b"model\trepo\tparams_b\tparent\timage_options\tshards\t\r\n"
        b"# the base\r\n a \tzoo:a \t7\t\t\t\t\r\nb\tx/b\r\n"
        b'c\tx/c\t.5\ta, b\t{"max_pixels": 9}\t2\r\nd\tx/d\t\t\t"{""max_pixels"": 9}"\t\t\r\n'
    )
    rows = read()
    chosen = ("model", "label", "repo", "params_b", "parent", "image_options", "shards")
    assert [tuple(row[name] for name in chosen) for row in rows] == [
        ("a", "a", "zoo:a", 7.0, [], None, 1),
        ("b", "b", "x/b", None, [], None, 1),
        ("c", "c", "x/c", 0.5, ["a", "b"], {"max_pixels": 9}, 2),
        ("d", "d", "x/d", None, [], {"max_pixels": 9}, 1),
    ]
    assert isinstance(rows[0]["params_b"], float)
    columns = load_schema(SCHEMAS / "models.schema.yaml")["properties"]
    assert all(list(row) == list(columns) for row in rows)
    assert [row["gpus"] for row in rows] == [1, 1, 1, 1]
    absent = set(columns) - {*chosen, "gpus"}
    assert {row[name] for row in rows for name in absent} == {None}


def test_sheet_keeps_quotes_inside_a_field():
    Path("models.tsv").write_text('model\tlabel\trepo\na\tthe "big" one\tzoo:a\n')
    assert read()[0]["label"] == 'the "big" one'


@pytest.mark.parametrize("released", ["2024", "2024-02", "2024-02-29"])
def test_released(released):
    Path("models.tsv").write_text(f"model\trepo\treleased\na\tzoo:a\t{released}\n")
    assert read()[0]["released"] == released


@pytest.mark.parametrize(
    ("column", "text", "problem"),
    [
        ("params_b", "7B", 'found "7B", expected a number > 0'),
        ("params_b", "0", 'found "0", expected a number > 0'),
        ("params_b", "inf", 'found "inf", expected a number > 0'),
        ("params_b", "nan", 'found "nan", expected a number > 0'),
        ("shards", "2.0", 'found "2.0", expected an integer >= 1'),
        ("shards", "0", 'found "0", expected an integer >= 1'),
        ("released", "2024-13", 'found "2024-13", expected a date as YYYY, YYYY-MM or YYYY-MM-DD'),
        (
            "released",
            "1.2.2024",
            'found "1.2.2024", expected a date as YYYY, YYYY-MM or YYYY-MM-DD',
        ),
        (
            "image_options",
            "{max",
            'found "{max", expected a JSON object such as {"do_resize": false}',
        ),
        (
            "image_options",
            "[1]",
            'found "[1]", expected a JSON object such as {"do_resize": false}',
        ),
        (
            "dtype",
            "bfloat",
            'found "bfloat", expected "auto", "float32", "bfloat16" or "float16"; '
            'did you mean "bfloat16"?',
        ),
        (
            "attention",
            "EAGER",
            'found "EAGER", expected "auto", "eager", "sdpa" or "flash_attention_2"; did you mean '
            '"eager"?',
        ),
        ("parent", "b, b", 'found "b, b", expected models\' names with commas between, none twice'),
        ("parent", "bb", 'found "bb", expected a model of this sheet; did you mean "b.b"?'),
        ("parent", "a", "parents in a circle: a -> a"),
    ],
)
def test_field(column, text, problem):
    sheet = f"model\trepo\t{column}\n\nb\tzoo:b\nb.b\tzoo:b\n# a\na\tzoo:a\t{text}\n"
    (line,) = sheet_problems(sheet)
    assert says(line, f"models.tsv line 6, column 3 ({column}, model a): {problem}")


@pytest.mark.parametrize("name", ["../a", "a/b", "a..b", ".a", "_a", "a b", "é"])
def test_name_of_a_model(name):
    (line,) = sheet_problems(f"repo\tmodel\nzoo:a\t{name}\n")
    place = f"models.tsv line 2, column 2 (model, model {name})"
    assert line.startswith(f'{place}: found "{name}", expected letters, digits')


def test_circle_of_parents_is_told_once_and_every_circle_is_told():
    lines = sheet_problems(
        "model\trepo\tparent\nroot\tr\t\na\tr\tb,root\nb\tr\tc\nc\tr\ta\nx\tr\ty,x\ny\tr\tx\n"
    )
    assert lines == [
        "models.tsv line 3, column 3 (parent, model a): parents in a circle: a -> c -> b -> a",
        "models.tsv line 6, column 3 (parent, model x): parents in a circle: x -> x",
        "models.tsv line 6, column 3 (parent, model x): parents in a circle: x -> y -> x",
    ]


def test_a_parent_may_stand_on_a_frozen_map_alone():
    text = "model\trepo\tparent\na\tr\tfrozen\nb\tr\ta\n"
    assert sheet_problems(text)
    rows = read_models("models.tsv", SCHEMAS, zoo=ZOO, parents={"frozen"})
    assert [row["parent"] for row in rows] == [["frozen"], ["a"]]


def test_circle_of_a_name_that_stands_twice_is_told_at_its_first_row():
    assert sheet_problems("model\trepo\tparent\na\tr\ta\na\tr\n")[0] == (
        "models.tsv line 2, column 3 (parent, model a): parents in a circle: a -> a"
    )


@pytest.mark.parametrize("name", ["a", "A"])
def test_names_are_unique_on_every_file_system(name):
    (line,) = sheet_problems(f"model\trepo\na\tr\nb\tr\n{name}\tr\n")
    assert line == (
        f'models.tsv line 4, column 1 (model, model {name}): "a" stands in line 2; names must '
        "differ, and by more than case"
    )


@pytest.mark.parametrize(
    ("sheet", "problem"),
    [
        ("", "models.tsv: empty; the first line must name the columns (model, label, repo, …"),
        ("# only this\n\n", "models.tsv: empty; the first line must name the columns (model, …"),
        ("model\trepo\n", "models.tsv line 1: no rows below the header; add one line per model"),
        (
            "model\tfamly\trepo\na\tx\tr\n",
            'models.tsv line 1, column 2: unknown column "famly"; did you mean "family"? (kn…',
        ),
        ("model\trepo\tcolour\na\tr\tx\n", 'models.tsv line 1, column 3: unknown column "col…'),
        ("Model\trepo\na\tr\n", 'models.tsv line 1: column "model" is missing; add it (Un…'),
        (
            "model\trepo\tmodel\na\tr\ta\n",
            'models.tsv line 1, column 3: column "model" stands twice, first as column 1; keep one',
        ),
        (
            "model    repo\na    r\n",
            'models.tsv line 1: one column only, "model    repo"; put a tab between columns, '
            "here and below",
        ),
        (
            "model,repo\na,r\n",
            'models.tsv line 1: one column only, "model,repo"; put a tab between columns, '
            "here and below",
        ),
        ("model\trepo\na\n", "models.tsv line 2, column 2 (repo, model a): empty; fill it in…"),
        ("model\trepo\n\tr\n", "models.tsv line 2, column 1 (model): empty; fill it in (Un…"),
        (
            "model\trepo\na\tr\t\tx\n",
            'models.tsv line 2, column 4 (model a): found "x", but the header ends at column 2',
        ),
        (
            'model\trepo\tlabel\na\tr\t"x\nb\tr\n',
            "models.tsv line 2: a field begins with a double quote that does not close at the "
            'field\'s end; remove it, or write "" for each quote inside',
        ),
        ('""\t""\na\tr\n', 'models.tsv line 1: column "model" is missing; add it (…'),
        (b"model\trepo\na\t\xff\n", "models.tsv line 2: not UTF-8 text; save the sheet as UTF-8"),
    ],
)
def test_sheet_problem(sheet, problem):
    assert says(sheet_problems(sheet)[0], problem)


def test_sheet_that_is_not_there(tmp_path):
    with pytest.raises(InvalidInput) as error:
        read("none.tsv")
    assert str(error.value) == (
        'none.tsv: No such file or directory; correct "models" in the config (a relative path '
        f"begins at {tmp_path})"
    )


def test_defaults_are_not_shared():
    Path("models.tsv").write_text("model\trepo\na\tr\nb\tr\n")
    first, second = read()
    first["parent"].append("b")
    assert second["parent"] == []


@pytest.mark.parametrize(
    ("repo", "hint"),
    [
        ("zoo:big-on", '; did you mean "big-one"?'),
        ("zoo:BIG-ONE", '; did you mean "big-one"?'),
        ("zoo:", ""),
        ("zoo:none like it", ""),
    ],
)
def test_checkpoint_that_the_zoo_does_not_make(repo, hint):
    (line,) = sheet_problems(f"repo\tmodel\nzoo:big-one\ta\n{repo}\tb\n")
    assert line == (
        f'models.tsv line 3, column 1 (repo, model b): found "{repo}", expected a model '
        f'of the zoo after "zoo:"{hint}'
    )


def test_all_problems_of_a_sheet_are_told_at_once_and_in_order():
    lines = sheet_problems("model\trepo\tparams_b\tx\na\t\t7B\nb\tr\t1\nb\tr\t-1\n")
    assert [line.split(": ")[0] for line in lines] == [
        "models.tsv line 1, column 4",
        "models.tsv line 2, column 2 (repo, model a)",
        "models.tsv line 2, column 3 (params_b, model a)",
        "models.tsv line 4, column 1 (model, model b)",
        "models.tsv line 4, column 3 (params_b, model b)",
    ]


# Models that a matrix gives


def test_a_model_of_a_matrix_needs_no_repo_and_may_be_named_as_it_is_there():
    Path("models.tsv").write_text("model\tfamily\tparent\nmeta-llama/Llama 2\tllama\t\n")
    (row,) = read(given=["meta-llama/Llama 2", "another"])
    assert (row["model"], row["repo"], row["family"]) == ("meta-llama/Llama 2", None, "llama")
    Path("models.tsv").write_text("model\trepo\n")
    assert read(given=["another"]) == []


@pytest.mark.parametrize(
    ("sheet", "problem"),
    [
        (
            "model\tfamily\norg/lama\tx\n",
            'models.tsv line 1: column "repo" is missing; add it, or name a model of a matrix; did '
            'you mean "org/llama"?',
        ),
        (
            "model\trepo\norg/lama\t\n",
            "models.tsv line 2, column 2 (repo, model org/lama): empty; fill it in (…",
        ),
        (
            "model\trepo\norg/llama\tx/y\n",
            'models.tsv line 2, column 1 (model, model org/llama): found "org/llama", expected '
            "letters, digits…",
        ),
        (
            "model\na, b\n",
            'models.tsv line 2, column 1 (model, model a, b): found "a, b", expected text without…',
        ),
    ],
)
def test_a_row_without_a_repo_must_be_in_a_matrix(sheet, problem):
    Path("models.tsv").write_text(sheet)
    with pytest.raises(InvalidInput) as error:
        read(given=["org/llama"])
    assert any(says(line, problem) for line in str(error.value).split("\n"))


# Against the benchmark table


def test_a_benchmark_name_must_be_in_the_table():
    rows = [
        {"model": "a", "benchmark_name": "LLaVA-v1.5-7B"},
        {"model": "b", "benchmark_name": "llava-v1.5-13b"},
        {"model": "c", "benchmark_name": None},
    ]
    table = Path("scores.tsv")
    check_benchmark_names(rows, "m.tsv", table)  # not there yet: the workflow may make it
    table.write_text("# source\nname\tX\nLLaVA-v1.5-7B\t1\nLLaVA-v1.5-13B\t2\n")
    with pytest.raises(InvalidInput) as error:
        check_benchmark_names(rows, "m.tsv", table)
    assert str(error.value) == (
        'm.tsv (model b): benchmark_name "llava-v1.5-13b" is no row of scores.tsv; '
        'did you mean "LLaVA-v1.5-13B"?'
    )
    check_benchmark_names(rows[::2], "m.tsv", table)
