"""The map's page: what it holds, before any browser reads it."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from html_page import Page
from matplotlib.path import Path as Outline
from planted_page import page_content

from modelmap.figures.page import map_page
from modelmap.figures.page_data import MOST_CHARACTERS, as_json, page_data
from modelmap.figures.style import family_colors, outline_kind

NASTY = ["a<b>", "R&D", 'say "hi"', "it's", "</script><script>alert(1)</script>", "日本語"]


@pytest.fixture
def content(tmp_path):
    return lambda n=12, **changes: page_content(tmp_path, n, **changes)


def facet(data, key):
    return next(facet for facet in data["facets"] if facet["key"] == key)


def test_the_page_loads_nothing_and_holds_its_data_within_its_script(content):
    c = content(6)
    nasty = dict.fromkeys(("label", "family", "recipe", "generation"), pl.Series(NASTY))
    data = page_data(**c | {"models": c["models"].with_columns(**nasty)})
    html = map_page(data, title="Map of <all> & more")
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)\s*=", html)
    assert "default-src 'none'" in html
    assert "Map of &lt;all&gt; &amp; more</h1>" in html
    assert "UMAP: needs at least 3 &lt;models&gt;, there are 2" in html
    assert "<script>alert(1)" not in html
    (held,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    assert json.loads(held) == data
    assert [tag for tag, _ in Page(html).tags].count("script") == 9


def test_json_says_neither_nan_nor_the_end_of_a_script(content):
    assert as_json({"a": "</script>"}) == '{"a":"\\u003c/script>"}'
    c = content()
    bare = c["models"].with_columns(nats_per_sample=float("nan"), bits_per_byte=float("inf"))
    data = page_data(**c | {"models": bare})
    assert not {"nats_per_sample", "bits_per_byte"} & {facet["key"] for facet in data["facets"]}
    as_json(data)


def test_models_can_be_colored_by_what_is_known_of_any(content):
    data = page_data(**content(24))
    told = {facet["key"]: facet for facet in data["facets"]}
    assert [*told] == [
        *("family", "recipe", "language_model", "released", "params_b", "nats_per_sample"),
        *("bits_per_byte", "gate", "benchmark:b0", "benchmark:b1"),
    ]
    assert all(len(facet["values"]) == 24 for facet in told.values())
    assert told["gate"]["values"] == ["flag"] + [None] * 23
    assert told["benchmark:b1"]["values"] == [1.0, 1.0, 1.0, 1.0, None] * 4 + [1.0] * 4
    assert told["released"]["shown"][1] == "2024-02"
    months = dict(zip(told["released"]["shown"], told["released"]["values"], strict=True))
    assert months["2024-06"] == pytest.approx(2024 + 5.5 / 12, abs=1e-9)
    assert len(set(months.values())) == len(months) > 6


def test_colors_and_markers_are_those_of_the_static_figures(content):
    c = content(36)
    on_map = c["on_map"][:12] + c["on_map"][24:]
    absent = {name: {"reason": "not asked for"} for name in c["embeddings"]}
    data = page_data(**c | {"on_map": on_map, "embeddings": absent} | bare_of(c))
    colors = family_colors(c["models"]["family"])  # f1 is in the sheet alone
    assert facet(data, "family")["colors"] == {name: colors[name] for name in ("f0", "f2")}
    assert facet(data, "family")["outlines"] == {
        name: outline_kind(colors[name]) for name in ("f0", "f2")
    }
    assert {name: shape["symbol"] for name, shape in data["shapes"].items()} == {
        "base": "circle",
        "sft": "square",
        "mpo": "triangle-up",
        "merge": "diamond",
    }


def bare_of(c):
    """Without tables of models that are not on the map."""
    return {"nearest": c["nearest"].clear(), "differing": c["differing"].clear()}


def test_a_legends_shapes_are_closed_and_fill_their_box(content):
    shapes = page_data(**content())["shapes"]
    for shape in shapes.values():
        numbers = [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", shape["path"])]
        assert max(map(abs, numbers)) == pytest.approx(1)
        assert re.fullmatch(r"M[^M]*Z", shape["path"])
    assert Outline.unit_circle().codes is not None  # of curves, as the circle's path is
    assert "C" in shapes["base"]["path"]


def test_an_ellipse_is_the_covariances(content):
    c = content(3)
    xx, xy, yy = c["embeddings"]["PCA"]["rows"].row(0)[3:]
    a, b, c_ = page_data(**c)["embeddings"][2]["ellipses"][0]
    t = np.linspace(0, 2 * np.pi, 9)
    border = np.array([a * np.cos(t), b * np.cos(t) + c_ * np.sin(t)])
    inverse = np.linalg.inv([[xx, xy], [xy, yy]])
    distance = np.einsum("it,ij,jt->t", border, inverse, border)
    np.testing.assert_allclose(distance, 2.5**2, rtol=1e-3)


def test_each_model_has_its_nearest_and_its_samples_by_number(content):
    c = content()
    data = page_data(**c)
    near = c["nearest"].filter(model="m00003").sort("rank").row(0, named=True)
    neighbor, kl, *_, mark = data["nearest"][3][0]
    assert data["models"][neighbor]["model"] == near["neighbor"]
    assert kl == pytest.approx(near["kl_nats"], rel=1e-4)
    assert mark == ""
    assert [row[-1] for row in data["nearest"][3]].count("far") > 0
    row = c["differing"].filter(model="m00003").row(0, named=True)
    other, ((at, own, _, difference, _), *_) = data["differing"][3]
    assert other == neighbor
    assert data["samples"][at]["id"] == row["sample_id"]
    assert own == pytest.approx(row["own"], rel=1e-4)
    assert difference == pytest.approx(row["difference"], rel=1e-4)
    assert len({sample["id"] for sample in data["samples"]}) == len(data["samples"])


def test_parents_that_are_not_on_the_map_are_named(content):
    c = content()
    parents = c["models"].with_columns(parent=pl.lit("m00001, gone"))
    model = page_data(**c | {"models": parents})["models"][0]
    assert (model["parents"], model["elsewhere"]) == ([1], ["gone"])


def test_texts_are_cut_and_images_left_out_with_a_word(content):
    c = content()
    data = page_data(
        **c
        | {
            "samples": c["samples"].with_columns(target=pl.lit("x" * 999)),
            "images": dict(list(c["images"].items())[:3]),
        }
    )
    assert {len(sample["target"]) for sample in data["samples"]} == {MOST_CHARACTERS + 2}
    assert len(data["images"]) == 3
    assert data["notes"]["images"].startswith("Of the images")
    assert data["images"][0].startswith("data:image/webp;base64,")
    without = page_data(**c | {"images": {}})
    assert all(sample["image"] is None for sample in without["samples"])
    assert without["notes"]["images"] == ""


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_models_make_a_page(content, n):
    c = content(n)
    absent = {name: {"reason": "needs more models"} for name in c["embeddings"]}
    data = page_data(**c | {"embeddings": absent, "scores": None})
    assert [len(rows) for rows in data["nearest"]] == [n - 1] * n
    html = map_page(data, title="t")
    assert "There is no embedding to show." in html
    assert "Each point" not in html


def test_a_reason_that_begins_with_its_method_is_said_as_it_is(content):
    c = content(3)
    c["embeddings"]["t-SNE"] = {"reason": "t-SNE needs at least 4 models"}
    html = map_page(page_data(**c), title="t")
    assert '<p class="absent">t-SNE needs at least 4 models</p>' in html
    assert '<p class="absent">UMAP: needs' in html
    assert "Each point is a model" in html


def test_no_model_makes_a_page(content):
    c = content(2)
    empty = {"on_map": [], "images": {}, "origins": {}} | bare_of(c)
    absent = {name: {"reason": "no model has scores"} for name in c["embeddings"]}
    data = page_data(**c | empty | {"embeddings": absent})
    assert data["models"] == data["facets"] == []
    ElementTree.fromstring(re.search(r"<main>.*</main>", map_page(data, title="t"), re.S)[0])


def test_what_is_not_known_of_a_model_is_said(content):
    c = content()
    data = page_data(**c | {"origins": {}})
    assert {origin["note"] for origin in data["origins"]} == {
        "nothing is known of how it was scored"
    }
    assert "gate" not in {facet["key"] for facet in data["facets"]}
