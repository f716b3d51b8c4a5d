"""Benchmark tables are read whole or refused; models and scores are joined by name."""

import polars as pl
import pytest

from modelmap import benchmarks

MEASURES = ("nats_per_sample", "nats_per_token", "bits_per_byte")


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read a table of this text, in the working directory."""
    monkeypatch.chdir(tmp_path)

    def read(text):
        (tmp_path / "t.tsv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return benchmarks.read_table("t.tsv")

    return read


# Tables


def test_table(read):
    text = "\ufeff# source: here\n\nname\tMMMU (val)\tOCR\r\na\t1.5\t\n# no more\nb c\t-2\t1e2\n"
    table = read(text)
    assert table.columns == ["name", "MMMU (val)", "OCR"]
    assert table.rows() == [("a", 1.5, None), ("b c", -2.0, 100.0)]


def test_table_without_rows(read):
    assert read("name\tx\n").schema == {"name": pl.String, "x": pl.Float64}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "t.tsv: expected a header with name and one column per benchmark, separated by tabs; "
         "found no line"),
        ("# x\nmodel\tx\n", "t.tsv line 2: expected a header with name and one column per "
         "benchmark, separated by tabs; found 'model\\tx'"),
        ("name,x\n", "t.tsv line 1: expected a header with name and one column per benchmark, "
         "separated by tabs; found 'name,x'"),
        ("name\tx\ty\tx\n", "t.tsv line 1, column 4 (x): stands twice"),
        ("# by hand\nname\tx\tx\n", "t.tsv line 2, column 3 (x): stands twice"),
        ("name\tx\t\n", "t.tsv line 1, column 3: a column without a name"),
        ("name\tx\na\t1\t2\n", "t.tsv line 2: expected 2 columns, found 3"),
        ("name\tx\ty\na\t1\n", "t.tsv line 2: expected 3 columns, found 2"),
        ("name\tx\na\t1\n#\na\t2\n", "t.tsv line 4: a stands already in line 2"),
        ("name\tx\n\t1\n", "t.tsv line 2, column 1 (name): empty"),
        (b"name\tx\na\t1\n\xff\t1\n", "t.tsv line 3: not UTF-8 text; save it as UTF-8"),
        *(
            (f"name\tx\ty\na\t1\t{found}\n",
             f"t.tsv line 2, column 3 (y): found '{found}', expected a number")
            for found in ("7B", "nan", "inf", "1,5", "-", " ")
        ),
        *(
            (f"name\tx\t{name}\n",
             f"t.tsv line 1, column 3 ({name}): a column of this name is made here; rename it")
            for name in ("mean", "model", "family", "lineage", "log_params", "year", *MEASURES)
        ),
    ],
)  # fmt: skip
def test_bad_table(read, text, problem):
    with pytest.raises(benchmarks.InvalidBenchmarks) as error:
        read(text)
    assert str(error.value) == problem


def test_all_problems_are_told_at_once(read):
    with pytest.raises(benchmarks.InvalidBenchmarks) as error:
        read("name\tx\tx\na\t1\tlow\na\t2\n")
    assert [line.split(":")[0] for line in str(error.value).split("\n")] == [
        "t.tsv line 1, column 3 (x)",
        "t.tsv line 2, column 3 (x)",
        "t.tsv line 3",
        "t.tsv line 3",
    ]


# Models and scores side by side

METADATA = [
    {"model": model, "family": family, "benchmark_name": name}
    | {"parent": "", "params_b": None, "released": None}
    for model, family, name in (
        ("a", "f", None),
        ("b", None, "B of the table"),
        ("left-out", "f", None),
        ("not-in-table", "f", None),
        ("never-scored", "f", None),
    )
]


def models_table(losses):
    """Return a table of models, all on the map but one of the name left-out."""
    rows = [
        {"model": model, "kept": model != "left-out"} | dict.fromkeys(MEASURES, loss)
        for model, loss in losses.items()
    ]
    types = {"model": pl.String, "kept": pl.Boolean} | dict.fromkeys(MEASURES, pl.Float64)
    return pl.DataFrame(rows, types)


MODELS = models_table({"a": 1.0, "b": 2.0, "left-out": 9.0, "not-in-table": 3.0})
TABLE = pl.DataFrame(
    {
        "name": ["a", "B of the table", "left-out", "b", "stranger", "never-scored", "empty"],
        "x": [1.0, 3.0, 5.0, 6.0, 7.0, 8.0, None],
        "y": [3.0, None, 5.0, 6.0, 7.0, 8.0, None],
    }
)


def test_points_are_the_models_of_both():
    points, _ = benchmarks.join(TABLE, MODELS, METADATA)
    assert points.select("model", "family", "nats_per_sample", "x", "y").rows() == [
        ("a", "f", 1.0, 1.0, 3.0),
        ("b", "b", 2.0, 3.0, None),
    ]


def test_the_mean_is_of_complete_rows_only():
    points, _ = benchmarks.join(TABLE, MODELS, METADATA)
    assert dict(points.select("model", "mean").rows()) == {"a": 2.0, "b": None}


def test_one_benchmark_has_no_mean():
    points, _ = benchmarks.join(TABLE.drop("y"), MODELS, METADATA)
    facts = ["lineage", "log_params", "year"]
    assert points.columns == ["model", "family", *facts, *MEASURES, "x"]
    assert benchmarks.names_of(points) == ["x"]


def test_coverage_lists_both_sides():
    _, coverage = benchmarks.join(TABLE, MODELS, METADATA)
    found = {(row["model"], row["name"]): (row["on_map"], row["in_table"])
             for row in coverage.rows(named=True)}  # fmt: skip
    assert found == {
        ("a", "a"): (True, True),
        ("b", "B of the table"): (True, True),
        ("left-out", "left-out"): (False, True),
        ("not-in-table", "not-in-table"): (True, False),
        ("never-scored", "never-scored"): (False, True),
        (None, "b"): (False, True),
        (None, "stranger"): (False, True),
        (None, "empty"): (False, False),
    }
    assert coverage.height == len(found)


def test_names_that_nearly_match_are_suggested():
    table = TABLE.with_columns(name=TABLE["name"].replace({"stranger": "Not-In_Table"}))
    _, coverage = benchmarks.join(table, MODELS, METADATA)
    nearest = dict(coverage.select("name", "nearest").rows())
    assert nearest["not-in-table"] == "Not-In_Table"
    assert nearest["Not-In_Table"] == "not-in-table"
    assert {nearest[name] for name in ("a", "B of the table", "left-out")} == {None}


def test_two_models_may_share_a_row_of_the_table():
    metadata = [row | {"benchmark_name": "a"} for row in METADATA[:2]]
    points, _ = benchmarks.join(TABLE, MODELS, metadata)
    assert points["x"].to_list() == [1.0, 1.0]


def test_the_order_of_rows_changes_nothing():
    first = benchmarks.join(TABLE, MODELS, METADATA)
    second = benchmarks.join(TABLE[::-1], MODELS[::-1], METADATA[::-1])
    assert first[0].equals(second[0])
    assert first[1].equals(second[1])


def test_file_names_need_no_quotes():
    assert benchmarks.file_name("MMMU (val)/é") == "MMMU_val_"
    assert benchmarks.file_name("a-b_c.1") == "a-b_c.1"


# Multiple choice


def question(name, stratum, options):
    """Return samples and scores of a question; an option is (correct, bytes, given, blank)."""
    ids = [f"{name}#{i}" for i in range(len(options))]
    samples = [
        {"sample_id": i, "group": name, "stratum": stratum, "correct": bool(o[0]), "n_bytes": o[1]}
        for i, o in zip(ids, options, strict=True)
    ]
    scores = [
        {"sample_id": i, "variant": variant, "log_likelihood": value, "status": "ok"}
        for i, (*_, given, blank) in zip(ids, options, strict=True)
        for variant, value in (("given", given), ("blank", blank))
    ]
    return samples, scores


def answers(*questions, keep=None):
    samples = pl.DataFrame([row for part, _ in questions for row in part])
    scores = pl.DataFrame([row for _, part in questions for row in part])
    scores = scores.sample(fraction=1, shuffle=True, seed=0)
    return benchmarks.multiple_choice(samples, scores if keep is None else scores.filter(keep))


BY_SUM = [(1, 8, -2.0, -1.0), (0, 20, -3.0, -6.0)]  # highest; not per byte; loses by the image
BY_BYTE = [(0, 2, -2.0, -1.0), (1, 20, -3.0, -2.5)]  # the longer one costs less per byte alone
BY_PMI = [(0, 8, -2.0, -1.0), (1, 8, -3.0, -6.0)]  # less likely, but the image helps it


def test_each_rule_finds_what_it_is_for():
    assert answers(question("q", "s", BY_SUM)) == {"s": {"sum": 100, "byte": 0, "pmi": 0}}
    found = answers(question("q", "s", BY_BYTE))
    assert found["s"] == {"sum": 0, "byte": 100, "pmi": 100}
    assert answers(question("q", "s", BY_PMI)) == {"s": {"sum": 0, "byte": 0, "pmi": 100}}


def test_shares_are_percentages_of_the_questions_of_an_ability():
    questions = [question(f"x{i}", "x", BY_SUM if i < 3 else BY_PMI) for i in range(4)]
    found = answers(*questions, question("y", "y", BY_PMI))
    assert found["x"] == {"sum": 75, "byte": 0, "pmi": 25}
    assert found["y"] == {"sum": 0, "byte": 0, "pmi": 100}


def test_questions_about_one_image_are_apart():
    parts = [question("q1", None, BY_SUM), question("q2", None, BY_PMI)]
    for samples, _ in parts:
        for row in samples:
            row["group"] = "the image"
    assert answers(*parts)["all"] == {"sum": 50, "byte": 0, "pmi": 50}


def test_the_place_of_an_option_changes_nothing():
    for options in (BY_SUM, BY_BYTE, BY_PMI):
        assert answers(question("q", "s", options)) == answers(question("q", "s", options[::-1]))


def test_a_model_without_scores_answers_nothing():
    assert answers(question("q", "s", BY_SUM), keep=pl.lit(False)) == {}


def test_without_blank_images_there_is_no_pmi():
    found = answers(question("q", "s", BY_SUM), keep=pl.col("variant") == "given")
    assert found == {"s": {"sum": 100, "byte": 0, "pmi": None}}


def test_answer_tables():
    shares = [{"sum": float(i), "byte": 5.0, "pmi": 6.0} for i in range(3)]
    found = {"m": {"y": shares[1], "x": shares[0]}, "a": {"x": shares[2], "y": shares[1]}, "r": {}}
    table, by_rule = benchmarks.answer_tables(found)
    assert table.columns == ["name", "x", "y"]
    assert table.rows() == [("a", 2.0, 1.0), ("m", 0.0, 1.0)]
    assert by_rule.columns == ["name", "rule", "x", "y"]
    assert by_rule.select("name", "rule").rows() == [
        (name, rule) for name in ("a", "m") for rule in ("sum", "byte", "pmi")
    ]


def test_answer_tables_are_benchmark_tables(tmp_path):
    shares = {"x": dict.fromkeys(benchmarks.RULES, 2 / 3)}
    table, _ = benchmarks.answer_tables({"m": shares})
    table.write_csv(tmp_path / "t.tsv", separator="\t")
    assert benchmarks.read_table(tmp_path / "t.tsv").equals(table)


def test_an_answer_that_few_models_give_is_in_the_table_though_it_comes_late():
    nobody = {"x": {"sum": 1.0, "byte": 1.0, "pmi": None}}
    found = {f"a{i:03}": nobody for i in range(101)} | {
        "b": {"y": dict.fromkeys(benchmarks.RULES, 0.5)}
    }
    _, by_rule = benchmarks.answer_tables(found)
    assert by_rule.filter(name="b")["y"].to_list() == [0.5] * 3


def test_answer_tables_of_nobody():
    table, by_rule = benchmarks.answer_tables({"m": {}})
    assert (table.columns, by_rule.columns) == (["name"], ["name", "rule"])
    assert table.height == by_rule.height == 0
