"""Captions are one source for two reports, and read the same in both."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from docutils.core import publish_parts
from jinja2 import UndefinedError

from modelmap.report.captions import caption
from modelmap.report.sections import TITLES

TEXTS = Path(__file__).parents[2] / "workflow/report"
CAPTIONS = sorted(TEXTS.glob("*.rst"))
RULES = TEXTS.parent / "rules"


def plain(html):
    """The text of HTML, and what of it is code."""
    text, code, tags = [], [], []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, _: tags.append(tag)
    parser.handle_endtag = lambda _: tags.pop()

    def data(said):
        text.append(said)
        if tags and tags[-1] in ("code", "tt", "span"):
            code.append(said)

    parser.handle_data = data
    parser.feed(html)
    return " ".join("".join(text).split()), "".join("".join(code).split())


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_both_reports_say_the_same(path):
    """What docutils makes of a caption in Snakemake's report is what stands in ours."""
    ours = caption(path.read_text(), of="a <b>", params={"level": 0.95})
    filled = re.sub(r"{{ snakemake.wildcards.\w+ }}", "a <b>", path.read_text())
    filled = re.sub(r"{{ \(1 - snakemake.params.level\) .*?}}", "0.05", filled)
    theirs = publish_parts(filled, writer="html")["body"]
    assert "system-message" not in theirs
    assert plain(ours) == plain(theirs)
    assert "<b>" not in ours


def test_every_caption_has_a_title_and_every_title_a_caption():
    assert {path.stem for path in CAPTIONS} == set(TITLES)


def test_every_result_of_the_workflow_has_labels_that_both_reports_read():
    """`what` and `as`: columns of Snakemake's tables of results, and what ours goes by."""
    declared = "".join(path.read_text() for path in RULES.glob("*.smk"))
    blocks = re.findall(r"caption=.*?\n +\)", declared, re.S)
    assert len(blocks) > 30
    for block in blocks:
        assert re.search(r'labels=\{"what": .*?, "as": ', block), block


def test_a_caption_that_names_what_is_not_there_is_refused():
    with pytest.raises(UndefinedError):
        caption("{{ snakemake.params.gone }}", of=None, params={})
