"""A folder of images: all that is wrong is told at once, each with file and line."""

import json

import pytest
from PIL import Image

from modelmap.datasets import folder, images
from modelmap.datasets.problems import InvalidDataset


@pytest.fixture
def here(tmp_path):
    """A folder with two good images."""
    path = tmp_path / "pictures"
    path.mkdir()
    for name, size in (("a.png", (16, 8)), ("b.png", (8, 24))):
        Image.new("RGB", size, "red").save(path / name)
    return path


def rows(path, targets_per_image=1):
    source = folder.Source({"path": path, "targets_per_image": targets_per_image})
    return source.rows({i: list(range(targets_per_image)) for i in range(len(source))})


def read(path, *lines, targets_per_image=1):
    """Read the folder with these lines (dicts, or text) in its metadata.jsonl."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (path / "metadata.jsonl").write_text("\n".join(texts), encoding="utf-8")
    return rows(path, targets_per_image)


def problems(path, *lines, **options):
    """Return line -> what is wrong with it."""
    with pytest.raises(InvalidDataset) as error:
        read(path, *lines, **options)
    first, *rest = str(error.value).split("\n")
    assert first == f"{len(rest)} problem(s):"
    place = f"{path / 'metadata.jsonl'} line "
    assert all(text.startswith(place) for text in rest)
    numbered = [text.removeprefix(place).split(": ", 1) for text in rest]
    return [(int(number), what) for number, what in numbered]


def test_rows(here):
    found = read(
        here,
        {"file_name": "a.png", "text": " a red box\n"},
        "",
        {"file_name": "b.png", "texts": ["é", "other"], "prompt": "What?", "stratum": "odd"},
    )
    shared = {"prompt": None, "stratum": None}
    a = {"sample_id": "a.png", "group": "a.png", "width": 16, "height": 8, "target": "a red box"}
    b = {"sample_id": "b.png", "group": "b.png", "width": 8, "height": 24, "target": "é"}
    a["image"], b["image"] = ((here / name).read_bytes() for name in ("a.png", "b.png"))
    assert found == [a | shared, b | {"prompt": "What?", "stratum": "odd"}]


def test_texts_of_one_image_are_a_group(here):
    line = {"file_name": "a.png", "texts": ["one", "two", "three"]}
    found = read(here, line, targets_per_image=2)
    assert [(row["sample_id"], row["group"], row["target"]) for row in found] == [
        ("a.png#1", "a.png", "one"),
        ("a.png#2", "a.png", "two"),
    ]


def test_size_is_that_of_the_upright_image(here):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(here / "turned.jpg", exif=exif)
    (row,) = read(here, {"file_name": "turned.jpg", "text": "x"})
    assert (row["width"], row["height"]) == images.decode(row["image"]).size == (20, 40)


def test_line_separators_inside_a_text_end_no_line(here):
    text = "one\u2028two\x85three"
    line = json.dumps({"file_name": "a.png", "text": text}, ensure_ascii=False)
    (row,) = read(here, line)
    assert row["target"] == text


def test_windows_line_ends_and_byte_order_mark(here):
    content = b'\xef\xbb\xbf{"file_name": "a.png", "text": "x"}\r\n{"file_name": "c", "text": "x"}'
    (here / "metadata.jsonl").write_bytes(content)
    with pytest.raises(InvalidDataset, match=r"line 2: c: it does not exist$"):
        rows(here)


def test_all_problems_are_told_at_once(here, monkeypatch):
    monkeypatch.setattr(images, "MOST_PIXELS", 500)
    (here / "text.jpg").write_text("not an image")
    (here / "empty.jpg").touch()
    (here / "folder.jpg").mkdir()
    Image.effect_noise((20, 20), 50).save(here / "whole.jpg")
    (here / "cut.jpg").write_bytes((here / "whole.jpg").read_bytes()[:-50])
    Image.new("RGB", (4, 4)).save(here / "tiny.png")
    Image.new("RGB", (30, 20)).save(here / "huge.png")
    Image.new("RGB", (9, 9)).save(here.parent / "outside.png")
    lines = [
        ({"file_name": "a.png", "text": "good"}, None),
        ({"file_name": "none.jpg", "text": "x"}, "none.jpg: it does not exist"),
        ({"file_name": "text.jpg", "text": "x"}, "text.jpg: the file is not an image that can"),
        ({"file_name": "empty.jpg", "text": "x"}, "empty.jpg: the file is empty"),
        (
            {"file_name": "folder.jpg", "text": "x"},
            "folder.jpg: it cannot be read (Is a directory)",
        ),
        ({"file_name": "cut.jpg", "text": "x"}, "cut.jpg: the image is broken (image file is tr"),
        ({"file_name": "tiny.png", "text": "x"}, "tiny.png: the image is tiny (4 x 4; at least 8"),
        ({"file_name": "huge.png", "text": "x"}, "huge.png: the image is huge (more than 500 pi"),
        ({"file_name": "a.png", "text": "x"}, "a.png stands already in line 1"),
        ({"file_name": "b.png", "text": " \n"}, "the text of b.png is empty"),
        ('{"file_name": "b.png"', "is not JSON (Expecting ',' delimiter at column 22)"),
        ('["b.png", "x"]', "is no JSON object"),
        ({"file_name": "c", "text": "x", "txt": "x"}, "unknown key 'txt' (known: file_name, text"),
        ({"file_name": "c", "text": "x", "texts": ["y"]}, "expected either text or texts"),
        ({"file_name": "c"}, "expected either text or texts"),
        ({"text": "x"}, "file_name is missing or no text"),
        ({"file_name": 7, "text": "x"}, "file_name is missing or no text"),
        ({"file_name": "c", "text": "x", "prompt": 7}, "prompt is no text: 7"),
        ({"file_name": "whole.jpg", "texts": [7]}, "expected text, found [7]"),
        (
            {"file_name": "../outside.png", "text": "x"},
            "../outside.png: it lies outside the folder",
        ),
        (
            {"file_name": str(here.parent / "outside.png"), "text": "x"},
            f"{here.parent / 'outside.png'}: it lies outside the folder",
        ),
    ]
    found = problems(here, *(line for line, _ in lines))
    wanted = [(i, text) for i, (_, text) in enumerate(lines, 1) if text]
    assert [number for number, _ in found] == [number for number, _ in wanted]
    for (_, what), (_, text) in zip(found, wanted, strict=True):
        assert what.startswith(text)


def test_too_few_texts(here):
    found = problems(
        here,
        {"file_name": "a.png", "texts": ["one", "two"]},
        {"file_name": "b.png", "text": "one"},
        targets_per_image=2,
    )
    assert found == [(2, "has 1 of targets_per_image: 2 texts")]


def test_half_a_character_is_no_text(here):
    """As where a caption was cut in the middle of an emoji."""
    found = problems(here, r'{"file_name": "a.png", "text": "fun \ud83d"}')
    assert found == [(1, r"holds half a character, \ud83d: a text that was cut inside one")]


def test_one_line_may_have_several_problems(here):
    found = problems(here, {"file_name": "none.jpg", "text": "", "stratum": 1, "x": 2})
    assert len(found) == 2


def test_of_very_many_problems_the_first_are_told(here):
    lines = ["{"] * 60
    with pytest.raises(InvalidDataset) as error:
        read(here, *lines)
    first, *rest, last = str(error.value).split("\n")
    assert (first, len(rest), last) == ("60 problem(s):", 50, "… and 10 more")


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_no_lines(here, text):
    with pytest.raises(InvalidDataset, match=r"metadata\.jsonl: holds no line; expected one JSON"):
        read(here, text)


def test_a_broken_line_is_told_whatever_n_samples_is(here, problem):
    lines = [json.dumps({"file_name": name, "text": "x"}) for name in ("a.png", "b.png")]
    (here / "metadata.jsonl").write_text("\n".join([*lines, "{"]))
    keys = {"source": "folder", "path": str(here)}
    broken = problem(**keys)
    assert "line 3: is not JSON" in broken
    assert problem(n_samples=3, **keys) == broken
    assert problem(n_samples=4, **keys) == f"n_samples is 4, but {here} has only 3 pairs"


def test_no_metadata(here):
    with pytest.raises(InvalidDataset, match=r"metadata\.jsonl: cannot be read \(.*No such file"):
        rows(here)


def test_metadata_that_is_not_utf8(here):
    (here / "metadata.jsonl").write_bytes(b'{"file_name": "a.png", "text": "\xff"}')
    with pytest.raises(InvalidDataset, match=r"metadata\.jsonl: cannot be read \(.*utf-8"):
        rows(here)
