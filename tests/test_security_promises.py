"""Every promise in docs/security.md is held by a test that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_promise_names_tests_that_exist():
    promises = (ROOT / "docs/security.md").read_text("utf-8").split("## Promises")[1]
    rows = [line.split(" | ") for line in promises.split("\n") if line.startswith("| ")]
    rows = [row for row in rows if not row[0].startswith(("| attack", "| **"))]
    assert len(rows) >= 20
    files = [file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py")]
    there = {name for text in files for name in re.findall(r"^def (test_\w+)\(", text, re.M)}
    for *_, tests in rows:
        assert (named := re.findall(r"`(test_\w+)`", tests)), tests
        assert set(named) <= there


def test_limits_are_those_that_are_told():
    from modelmap import hub, matrix_files
    from modelmap.datasets import coco, folder, images

    text = (ROOT / "docs/security.md").read_text("utf-8")
    limits = {f"{images.MOST_PIXELS:,} are the limit", f"{images.MOST_BYTES >> 20} MiB"}
    limits |= {f"{folder.MOST_BYTES >> 20} MiB are the limit", f"{coco.MOST_BYTES >> 30} GiB"}
    limits |= {f"{matrix_files.BLOCK >> 20} MiB", f"{hub.MOST_BYTES >> 20} MiB"}
    assert [limit for limit in limits if limit not in text] == []
    assert all(kind.casefold() in text.casefold() for kind in images.FORMATS)
