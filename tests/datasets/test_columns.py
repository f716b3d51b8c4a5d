"""What the columns of a table mean: real Parquet files, read by blocks of a config."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny import noise

from modelmap.datasets import images

PICTURES = [images.encode(noise(16, 8 + i, seed=i)) for i in range(4)]


@pytest.fixture
def table(read, tmp_path, monkeypatch):
    """Read a table of these columns: `table(columns, **keys of the block)`."""
    monkeypatch.chdir(tmp_path)

    def table(columns, read=read, **keys):
        pq.write_table(pa.table(columns), "t.parquet")
        return read(source="parquet", path="t.parquet", **keys)

    return table


@pytest.fixture
def wrong(table, problem):
    """The problems of a table, without their count."""

    def wrong(columns, **keys):
        first, *lines = table(columns, read=problem, **keys).split("\n")
        assert first == f"{len(lines)} problem(s):"
        return [line.removeprefix("t.parquet row ") for line in lines]

    return wrong


def values(rows, *keys):
    return [tuple(row[key] for key in keys) for row in rows]


# Images and targets


def test_an_image_is_its_bytes_alone_or_as_hugging_face_stores_them(table):
    texts = {"text": ["a", "b", "c", "d"]}
    stored = [{"bytes": picture, "path": "x.png"} for picture in PICTURES]
    alone = table({"i": PICTURES} | texts, image="i", target="text")
    assert table({"i": stored} | texts, image="i", target="text") == alone
    assert values(alone, "sample_id", "image", "width", "height", "target", "prompt") == [
        (str(i), picture, 16, 8 + i, text, None)
        for i, (picture, text) in enumerate(zip(PICTURES, "abcd", strict=True))
    ]


def test_rows_that_share_an_image_share_a_group_and_are_no_partners(table):
    shown = [PICTURES[i] for i in (0, 1, 0, 1)]
    rows = table({"i": shown, "t": list("abcd")}, image="i", target="t")
    groups = [row["group"] for row in rows]
    assert groups[0] == groups[2] != groups[1] == groups[3]
    partners = [groups[int(row["shuffled_from"])] for row in rows]
    assert partners == [groups[i] for i in (1, 0, 1, 0)]


def test_of_a_list_of_texts_the_first_are_used(table):
    columns = {"i": PICTURES[:2], "t": [["a", "b", "c"], ["d", "e", "f"]]}
    one = table(columns, image="i", target="t")
    assert values(one, "sample_id", "target") == [("0", "a"), ("1", "d")]
    two = table(columns, image="i", target="t", targets_per_image=2)
    assert values(two, "sample_id", "target") == [
        *(("0#1", "a"), ("0#2", "b")),
        *(("1#1", "d"), ("1#2", "e")),
    ]
    assert len({row["group"] for row in two}) == 2


def test_bad_images_and_targets(wrong):
    columns = {
        "i": [None, PICTURES[0], PICTURES[1], PICTURES[2], b"no image"],
        "t": [["a", "b"], None, ["a"], ["a", None], ["a", "b"]],
    }
    assert wrong(columns, image="i", target="t", targets_per_image=2) == [
        "0: column 'i' (image) holds nothing, expected the bytes of an image file",
        "1: expected text, found None",
        "2: has 1 of targets_per_image: 2 texts",
        "3: expected text, found ['a', None]",
        "4: 4: the file is not an image that can be read (JPEG, PNG, WEBP, GIF, BMP, TIFF)",
    ]


@pytest.mark.parametrize("stored", [str, lambda link: {"bytes": None, "path": link}])
def test_links_are_not_followed(wrong, stored):
    found = wrong({"i": [stored("http://x.org/a.jpg")], "t": ["a"]}, image="i", target="t")
    assert found == [
        "0: column 'i' (image) holds the text 'http://x.org/a.jpg', expected the bytes of an image "
        "file; links are not followed: download the images and use the source folder"
    ]


def test_numbers_are_no_text(wrong):
    assert wrong({"t": [7]}, target="t") == ["0: expected text, found 7"]


# Texts


def test_a_text_stands_by_itself_and_blanks_around_it_count(table):
    rows = table({"t": [" a\n", "b"]}, target="t")
    assert values(rows, "target", "n_bytes", "image", "width", "shuffled_from") == [
        (" a\n", 3, None, None, None),
        ("b", 1, None, None, None),
    ]
    assert rows[0]["group"] != rows[1]["group"]


def test_blanks_around_a_caption_do_not_count(table):
    (row,) = table({"i": PICTURES[:1], "t": [" a box\n"]}, image="i", target="t")
    assert row["target"] == "a box"


def test_texts_that_answer_one_prompt_are_a_group(table):
    rows = table(
        {"q": ["1+1?", "Hi", "1+1?"], "t": ["2", "Ho", "3"]}, target="t", prompt_column="q"
    )
    first, other, again = values(rows, "prompt", "group")
    assert (first, first[0], other[0]) == (again, "1+1?", "Hi")
    assert other[1] != first[1]


def test_the_lines_of_a_prompt_are_the_columns_that_are_not_empty(table):
    columns = {"hint": ["h", None, "nan", ""], "q": ["a", "b", "c", None], "t": list("wxyz")}
    rows = table(columns, target="t", prompt_column=["hint", "q"])
    assert [row["prompt"] for row in rows] == ["h\na", "b", "c", None]
    alone = table(columns, target="t", prompt_column="hint")
    assert [row["prompt"] for row in alone] == ["h", None, "nan", ""]


def test_a_prompt_is_text(wrong):
    found = wrong({"q": [1], "t": ["a"]}, target="t", prompt_column="q")
    assert found == ["0: expected text to ask, found 1"]


def test_stratum_and_id(table, wrong):
    columns = {"k": [1, None], "name": ["x", "y"], "t": ["a", "b"]}
    rows = table(columns, target="t", stratum="k", id="name")
    assert values(rows, "sample_id", "stratum") == [("x", "1"), ("y", None)]
    columns = {"name": ["x", "y", "x", None], "t": list("abcd")}
    assert wrong(columns, target="t", id="name") == [
        "2: name 'x' stands already in row 0",
        "3: column 'name' (id) holds nothing, expected a name",
    ]


@pytest.mark.parametrize("n", range(1, 12))
def test_texts_are_cut_between_characters(table, n):
    text = "aé漢🙂b"
    (row,) = table({"t": [text]}, target="t", max_bytes=n)
    assert text.startswith(row["target"])
    assert row["n_bytes"] <= n
    longer = text[: len(row["target"]) + 1]
    assert row["target"] == text or len(longer.encode()) > n


def test_a_text_of_which_cutting_leaves_nothing_is_told(wrong):
    found = wrong({"t": ["é", "  a", "ab"]}, target="t", max_bytes=1)
    assert found == [f"{i}: the text of {i} is empty" for i in (0, 1)]


# Questions

ANSWERS = ("label", "number", "text")
QUESTIONS = {
    "q": ["Which?", "Where?", "Who?"],
    "A": ["one", "here", "you"],
    "B": ["two", "nan", ""],
    "C": ["three", "there", None],
    "D": [None, "nowhere", "me"],
    "label": ["B", "D", "A"],
    "number": [1, 3, 0],
    "text": ["two", "nowhere", "you"],
    "list": [["one", "two", "three"], ["here", "", "there", "nowhere"], ["you", None, "nan", "me"]],
}
FOUR = {"options": ["A", "B", "C", "D"], "prompt_column": "q"}
WANTED = [
    *(("0#1", "one", False), ("0#2", "two", True), ("0#3", "three", False)),
    *(("1#1", "here", False), ("1#2", "there", False), ("1#3", "nowhere", True)),
    *(("2#1", "you", True), ("2#2", "me", False)),
]


@pytest.mark.parametrize(
    ("options", "answer"),
    [*((FOUR["options"], a) for a in ANSWERS), ("list", "number"), ("list", "text")],
)
def test_options_that_are_not_empty_are_samples_and_one_is_right(table, options, answer):
    keys = {"prompt_column": "q", "answer": answer}
    rows = table(QUESTIONS, options=options, **keys)
    assert values(rows, "sample_id", "target", "correct") == WANTED
    assert len({row["group"] for row in rows}) == 3
    right = table(QUESTIONS, options=options, answer_only=True, **keys)
    assert right == [row for row in rows if row["correct"]]


def test_so_many_questions_are_drawn_with_all_their_options(table, problem):
    every = table(QUESTIONS, answer="label", **FOUR)
    some = table(QUESTIONS, answer="label", n_samples=2, seed=1, **FOUR)
    drawn = {row["sample_id"][0] for row in some}
    assert len(drawn) == 2
    assert some == [row for row in every if row["sample_id"][0] in drawn]
    found = table(QUESTIONS, read=problem, answer="label", n_samples=4, **FOUR)
    assert found == "n_samples is 4, but t.parquet has only 3 questions"


@pytest.mark.parametrize("answer", ["E", "B", "four", 4, -1, 1, None])
def test_an_answer_that_is_no_option_is_told(wrong, answer):
    columns = {"A": ["one"], "B": ["nan"], "C": ["two"], "answer": [answer]}
    found = wrong(columns, options=["A", "B", "C"], answer="answer")
    assert found == [f"0: the answer {answer!r} is none of the options ['A', 'C']"]
    columns = {"list": [["one", "", "two"]], "answer": [answer]}
    found = wrong(columns, options="list", answer="answer")
    assert found == [f"0: the answer {answer!r} is none of the options ['one', 'two']"]


def test_options_in_one_column_are_a_list(wrong):
    found = wrong({"o": ["A. one B. two"], "a": [0]}, options="o", answer="a")
    assert found == ["0: column 'o' holds 'A. one B. two', expected a list of options"]


# Names of columns


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        ({"target": "txt"}, "'txt' (target)"),
        ({"target": "t", "image": "i"}, "'i' (image)"),
        ({"target": "t", "prompt_column": ["t", "q"]}, "'q' (prompt_column)"),
        ({"target": "t", "stratum": "kind"}, "'kind' (stratum)"),
        ({"target": "t", "id": "name"}, "'name' (id)"),
        ({"options": ["t", "B"], "answer": "t"}, "'B' (options)"),
        ({"options": ["t", "u"], "answer": "a"}, "'a' (answer)"),
    ],
)
def test_a_column_that_is_not_there_is_told_with_those_that_are(table, problem, keys, missing):
    found = table({"t": ["a"], "u": ["b"]}, read=problem, **keys)
    assert found == f"t.parquet: no column {missing}; its columns: t, u"
