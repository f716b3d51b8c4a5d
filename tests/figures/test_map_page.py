import json
import re
from html import escape

import polars as pl
import pytest

from modelmap.figures.page import map_page
from modelmap.figures.style import family_colors

NASTY = ["a<b>", "R&D", 'say "hi"', "it's", "</script><script>alert(1)</script>", "日本語"]
PCA = "PC 1 (81 %)", "PC 2 (<7 %)"


def spec(page):
    """Return data and layout as the browser reads them."""
    call = page[page.rindex("Plotly.newPlot(") :]
    decoder = json.JSONDecoder()
    data, end = decoder.raw_decode(call, call.index("["))
    layout, end = decoder.raw_decode(call, call.index("{", end))
    config, _ = decoder.raw_decode(call, call.index("{", end))
    return data, layout, config


def make(z, **other):
    turned = z.embedding.select("model", x="y", y="x")
    embeddings = {"t-SNE": (z.embedding, ("t-SNE 1", "t-SNE 2")), "PCA": (turned, PCA)}
    tables = {"embeddings": embeddings, "models": z.models, "neighbors": z.neighbors, "reasons": {}}
    return map_page(**tables | other, title="Map of <all> & more")


def points_of(data):
    return [trace for trace in data if trace.get("text")]


def test_the_page_loads_nothing(zoo):
    page = make(zoo(6))
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)\s*=", page)
    assert 'src="http' not in page
    assert "default-src 'none'" in page
    _, _, config = spec(page)
    assert config["displaylogo"] is False
    assert config["showSendToCloud"] is False


def test_strings_from_data_are_escaped(zoo):
    z = zoo(6, 3)
    models = z.models.with_columns(label=pl.Series(NASTY), family=pl.Series(NASTY))
    page = make(z, models=models)
    data, _, _ = spec(page)
    says = "".join(text for trace in points_of(data) for text in trace["text"])
    for label in NASTY:
        assert f"<b>{escape(label).replace('&quot;', '&#34;')}</b>" in says
    assert "&lt;script&gt;" in page
    assert "<script>alert(1)" not in page
    assert "Map of &lt;all&gt; &amp; more</h1>" in page
    assert "<all>" not in page


def test_hover_tells_all_that_is_known(zoo):
    z = zoo(20)
    data, _, _ = spec(make(z))
    says = {text.split("</b>")[0][3:]: text for t in points_of(data) for text in t["text"]}
    assert set(says) == set(z.models["label"])
    row, child = z.models.row(0, named=True), z.models.row(4, named=True)
    assert "Mean NLL: 40 nats per sample, 0.8 bits per byte" in says[row["label"]]
    assert "44 nats per sample, 2 nats per token, 0.8 bits per byte" in says[child["label"]]
    assert (
        f"Family: {child['family']}<br>Recipe: sft<br>Parent: {row['label']}<br>"
        in says[child["label"]]
    )
    label = dict(z.models.select("model", "label").iter_rows())
    near = z.neighbors.filter(pl.col("model") == "m4").sort("rank").rows(named=True)
    for n in near[:3]:
        interval = f"[{n['low']:.3g}, {n['high']:.3g}]"
        line = f"{n['rank']}. {label[n['neighbor']]}: {n['kl_nats']:.3g} {interval}"
        assert line in says[child["label"]]
    assert f"4. {label[near[3]['neighbor']]}" not in says[child["label"]]


def test_a_missing_interval_or_neighbor_is_left_out(zoo):
    z = zoo(3, 3)
    bare = z.neighbors.filter(pl.col("model") == "m0").with_columns(low=None, high=float("nan"))
    data, _, _ = spec(make(z, neighbors=bare))
    says = {text.split("</b>")[0][3:]: text for t in points_of(data) for text in t["text"]}
    first, second = (says[z.models["label"][i]] for i in (0, 1))
    assert "Nearest" in first
    assert "[" not in first
    assert "Nearest" not in second


def test_colors_and_markers_are_those_of_the_static_figures(zoo):
    z = zoo(20)
    data, _, _ = spec(make(z))
    colors = family_colors(z.models["family"])
    shown = {t["legendgroup"]: t["marker"]["color"] for t in points_of(data)}
    assert shown == colors
    entries = {t["name"]: t for t in data if t.get("name") in colors}
    assert {name: t["marker"]["color"] for name, t in entries.items()} == colors
    assert all(t["legendgroup"] == name for name, t in entries.items())
    assert points_of(data)[0]["marker"]["symbol"][:2] == ["circle", "square"]


def test_each_button_moves_every_model_to_its_place(zoo):
    z = zoo(20)
    half = z.embedding.head(10).select("model", x="y", y="x")
    page = make(z, embeddings={"t-SNE": (z.embedding, ("a", "b")), "PCA": (half, PCA)})
    data, layout, _ = spec(page)
    (menu,) = layout["updatemenus"]
    assert [button["label"] for button in menu["buttons"]] == ["t-SNE", "PCA"]
    (start, _, traces), (moved, axes, _) = (button["args"] for button in menu["buttons"])
    assert [data[i]["x"] for i in traces] == start["x"]
    assert axes["xaxis.title.text"] == "PC 1 (81 %)"
    assert axes["yaxis.title.text"] == "PC 2 (&lt;7 %)"
    assert layout["xaxis"]["title"]["text"] == "a"
    xs = [
        x for i, trace in zip(traces, moved["x"], strict=True) if data[i].get("text") for x in trace
    ]
    assert sorted(x for x in xs if x is not None) == pytest.approx(sorted(half["x"]))
    assert xs.count(None) == 10


@pytest.mark.parametrize("rest", [{}, {"PCA": PCA}])
def test_the_page_says_why_an_embedding_is_absent(zoo, rest):
    z = zoo(3)
    embeddings = {"t-SNE": (z.embedding.clear(), ("", ""))}
    embeddings |= {name: (z.embedding, axes) for name, axes in rest.items()}
    reasons = {"t-SNE": "needs > 3 models, there are 3"}
    page = make(z, embeddings=embeddings, reasons=reasons)
    assert "t-SNE: needs &gt; 3 models, there are 3" in page
    if rest:
        (menu,) = spec(page)[1]["updatemenus"]
        assert [button["label"] for button in menu["buttons"]] == ["PCA"]
    else:
        assert "There is no embedding to show." in page
        assert "Plotly" not in page
