"""Finished scores are kept under a second name, and taken back only by those who ask for them."""

import errno
import os

import pytest

from modelmap import keeping, tables

ROWS = [
    {"sample_id": f"s{i}", "variant": "given", "n_tokens": 1, "n_image_tokens": 0, "status": "ok"}
    | {"token_ids": [i], "token_ends": [1], "token_log_likelihoods": [-i / 7]}
    for i in range(500)
]


@pytest.fixture
def scores(tmp_path):
    """A file of scores, an hour old."""
    path = tmp_path / "1-of-1.parquet"
    tables.write(path, tables.SCORES, ROWS, {"asked": "this", "status": "ok"})
    hour_ago = path.stat().st_mtime - 3600
    os.utime(path, (hour_ago, hour_ago))
    return path


def test_what_is_put_aside_is_as_outdated_as_before(scores):
    before = scores.stat().st_mtime_ns
    keeping.put_aside(scores)
    keeping.put_aside(scores)
    assert scores.stat().st_mtime_ns == before


def test_what_was_asked_is_taken_back_and_is_new(scores):
    before = scores.stat()
    keeping.put_aside(scores)
    scores.unlink()
    assert keeping.take_back(scores, "this")
    assert tables.read(scores, tables.SCORES)["sample_id"].to_list() == [
        r["sample_id"] for r in ROWS
    ]
    assert scores.stat().st_mtime > before.st_mtime
    assert keeping.take_back(scores, "this")  # again: a job that was killed behind it


def test_nothing_else_is_taken_back(scores):
    assert not keeping.take_back(scores, "this")  # nothing was put aside
    keeping.put_aside(scores)
    scores.unlink()
    assert not keeping.take_back(scores, "that")
    keeping.forget(scores)
    assert not keeping.take_back(scores, "this")
    assert not scores.exists()


def test_what_is_damaged_is_not_taken_back(scores):
    content = bytearray(scores.read_bytes())
    content[4:2000] = bytes(1996)  # its footer is whole
    scores.write_bytes(content)
    keeping.put_aside(scores)
    scores.unlink()
    assert not keeping.take_back(scores, "this")
    assert not scores.exists()


def test_what_was_refused_is_asked_again(scores):
    tables.write(scores, tables.SCORES, [], {"asked": "this", "status": "refused"})
    keeping.put_aside(scores)
    assert not keeping.take_back(scores, "this")


@pytest.mark.parametrize("there", ["nothing", "another", "the same"])
def test_a_link_is_the_file(tmp_path, there):
    source, path = tmp_path / "source", tmp_path / "path"
    source.write_text("new")
    if there == "another":
        path.write_text("old")
    elif there == "the same":
        keeping.link(source, path)
    keeping.link(source, path)
    assert path.samefile(source)
    assert set(tmp_path.iterdir()) == {source, path}


def test_a_file_system_without_links_gets_a_copy(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", fail)
    (tmp_path / "source").write_text("new")
    keeping.link(tmp_path / "source", tmp_path / "path")
    assert (tmp_path / "path").read_text() == "new"
