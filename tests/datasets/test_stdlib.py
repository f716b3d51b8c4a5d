"""Texts of the standard library: chunks of a known size, and none both learned and scored."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from modelmap.datasets import stdlib

WORDS = "ab é 漢字 🙂\n"


@pytest.fixture(scope="module")
def rows(read):
    return read(source="stdlib")


def test_chunks_are_of_256_to_1024_bytes(rows):
    sizes = [row["n_bytes"] for row in rows]
    assert sizes == [len(row["target"].encode()) for row in rows]
    assert min(sizes) >= 256
    assert max(sizes) <= 1024


def test_there_is_as_much_code_as_english(rows):
    counts = Counter(row["stratum"] for row in rows)
    assert counts.keys() == {"English", "code"}
    assert counts["English"] == counts["code"] > 100


def test_names_are_unique_and_tell_document_and_place(rows):
    documents = {name: text for kind in stdlib.KINDS for name, text in stdlib._documents(kind)}
    assert len({row["sample_id"] for row in rows}) == len(rows)
    for row in rows:
        document, _, start = row["sample_id"].rpartition("@")
        assert row["group"] == document
        assert documents[document].encode()[int(start) :].startswith(row["target"].encode())
        assert row["image"] is row["prompt"] is row["shuffled_from"] is None


@pytest.mark.parametrize("kind", stdlib.KINDS)
def test_what_is_scored_is_never_trained_on(rows, kind):
    """Nor is a passage of it: topics of help() repeat each other."""
    scored = [row for row in rows if row["stratum"] == kind]
    learned = set(stdlib.draw_texts(kind, 50_000, seed=0))
    everything = stdlib._chunks_of(kind, held_out=False)
    assert learned == {text for _, _, text in everything}
    assert not {row["group"] for row in scored} & {document for document, _, _ in everything}
    lines = {line.strip() for text in learned for line in text.split("\n")}
    for row in scored:
        repeated = {line.strip() for line in row["target"].split("\n")} & lines
        assert all(len(line) < 40 for line in repeated), row["sample_id"]


def test_code_is_of_the_standard_library_alone():
    """What describes this installation, such as _sysconfigdata, is none of it."""
    folder = Path(os.__file__).parent
    for name, text in stdlib._documents("code"):
        assert name.split("/")[0].removesuffix(".py") in sys.stdlib_module_names
        assert str(folder) not in text


def test_another_process_draws_the_same(rows):
    code = (
        "import hashlib; from modelmap.datasets import stdlib;"
        "source = stdlib.Source({'targets_per_image': 1, 'seed': 0});"
        "rows = source.rows({i: [0] for i in range(len(source))});"
        "ids = [(row['sample_id'], row['target']) for row in rows];"
        "parts = ids, stdlib.draw_texts('code', 50, seed=1);"
        "print(*(hashlib.sha256(repr(part).encode()).hexdigest() for part in parts))"
    )
    ids = [(row["sample_id"], row["target"]) for row in rows]
    parts = ids, stdlib.draw_texts("code", 50, seed=1)
    here = [hashlib.sha256(repr(part).encode()).hexdigest() for part in parts]
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    folder = str(Path(stdlib.__file__).parents[2])
    environment = os.environ | {"PYTHONHASHSEED": other, "PYTHONPATH": folder}
    command = [sys.executable, "-c", code]
    there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.split() == here


def test_a_draw_is_of_the_same_chunks(read, rows):
    drawn = read(source="stdlib", n_samples=50)
    assert drawn == [row for row in rows if row["sample_id"] in {r["sample_id"] for r in drawn}]
    assert len(drawn) == 50
    assert read(source="stdlib", n_samples=50, seed=1) != drawn


def test_what_is_drawn_to_train_on_hangs_on_kind_and_seed():
    draws = {(k, s): stdlib.draw_texts(k, 30, seed=s) for k in stdlib.KINDS for s in (0, 1)}
    assert len({tuple(texts) for texts in draws.values()}) == 4
    assert draws["code", 1] == stdlib.draw_texts("code", 30, seed=1)


def test_too_many_are_refused(rows, problem):
    n = len(rows)
    found = problem(source="stdlib", n_samples=n + 1)
    assert found == f"n_samples is {n + 1}, but stdlib has only {n} pairs"
    found = problem(source="stdlib", n_samples=1, targets_per_image=2)
    assert found.endswith("has 1 of targets_per_image: 2 texts")


@pytest.mark.parametrize("n", [0, 16, 17, 60, 200])
def test_chunks_end_where_lines_do_and_lose_nothing_but_short_rests(n):
    document = WORDS * n
    chunks = list(stdlib.cut(document))
    content = document.encode()
    end = 0
    for start, text in chunks:
        assert start == end
        assert content[start:].startswith(text.encode())
        assert text.endswith("\n")
        end = start + len(text.encode())
    assert len(content) - end < stdlib.MIN_BYTES
    line = len(WORDS.encode())
    assert all(len(t.encode()) > stdlib.MAX_BYTES - line for _, t in chunks[:-1])


def test_a_line_that_is_too_long_is_left_out():
    long, short = "é" * 600 + "\n", "x" * 99 + "\n"
    assert list(stdlib.cut(short * 3 + long + short * 4)) == [
        (0, short * 3),
        (300 + 1201, short * 4),
    ]
    assert list(stdlib.cut(short * 2 + long)) == []
