"""Whatever models, families, strata and reasons are called: pages and figures show it as text."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from html_page import Page

from modelmap import gather, labels, structure, tables
from modelmap.figures.correlation import strata_correlation_figure
from modelmap.figures.findings import findings_page
from modelmap.figures.heatmap import distance_heatmap
from modelmap.figures.html import within_scripts
from modelmap.figures.map import map_figure
from modelmap.figures.page import map_page
from modelmap.figures.page_data import page_data
from modelmap.figures.prediction import prediction_figure
from modelmap.figures.scatter import correlation_figure
from modelmap.figures.shifts import shifts_figure
from modelmap.figures.stability import strata_figure as strata_comparison
from modelmap.figures.status import status_page
from modelmap.figures.strata import strata_figure
from modelmap.figures.style import save
from modelmap.figures.tree import tree_figure
from modelmap.geometry.tree import neighbor_joining, newick

NAMES = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '"onmouseover="alert(1)',
    "' onload='alert(1)",
    '<a href="javascript:alert(1)">x</a>',
    "<!--",
    "]]><svg onload=alert(1)>",
    "&lt;script&gt;&#x3c;b&#x3e;",
    "$\\frac{$",
    "$ \\input{/etc/passwd} $ %s {x} ${title} $title {{ 7*7 }}",
    "_hidden_",
    "two\nlines\tand a tab",
    "\x1b[2J\x00\x08\ufffe\u202e",
    "x" * 400,
]
HARMLESS = [f"model {i}" for i in range(len(NAMES))]
K = len(NAMES)


def sheet(zoo, names):
    z = zoo(K)
    names = pl.Series(names)
    columns = dict.fromkeys(("label", "family", "recipe", "generation"), names)
    return z, z.models.with_columns(**columns, parent=pl.lit("m0"))


def page_of_map(zoo, names):
    z, models = sheet(zoo, names)
    found = {"rows": z.embedding, "facts": {}, "radius": None}
    check = {"check": names[0], "value": 1.0, "limit": None, "verdict": names[1]}
    samples = {"sample_id": names, "group": names, "prompt": names, "target": names[::-1]}
    on_map = models["model"].to_list()
    data = page_data(
        on_map=on_map,
        models=models,
        embeddings={"t-SNE": found, names[3]: {"reason": names[4]}},
        nearest=z.neighbors.with_columns(below_noise_floor=False, beyond_kl_limit=True),
        differing=pl.DataFrame(
            {"model": on_map, "neighbor": on_map[::-1], "sample_id": names}
        ).with_columns(own=1.0, other=2.0, difference=-0.5, share=0.5),
        samples=pl.DataFrame(samples),
        images=dict.fromkeys(names, b""),
        notes=dict.fromkeys(("near", "values", "more", "beyond", "images"), names[5]),
        origins={model: {"gate": [check], "facts": {names[7]: names[8]}} for model in on_map},
        scores=pl.DataFrame({"model": on_map, names[0]: 1.0}),
    )
    return map_page(data, title=names[0])


def page_of_status(zoo, names):
    keys = ("model", "reason", "repo", "commit", "dtype", "attention", "device")
    rows = [dict.fromkeys(keys, name) | {"dataset": "x", "status": "refused"} for name in names]
    return status_page(pl.DataFrame([row | {"seconds": 1.0} for row in rows], gather.STATUS))


def page_of_findings(zoo, names):
    models = [
        {"model": name, "kept": True, "reason": name, "samples_ok": 1, "nats_per_sample": 1.0}
        | dict.fromkeys(("nats_per_token", "bits_per_byte", "image_gap", "image_gap_low"), 1.0)
        | dict.fromkeys(("image_gap_high", "first_token_share", "noise_nats2"), 1.0)
        for name in names
    ]
    near = [{"model": a, "rank": 1, "neighbor": b, "kl_nats": 1.0} for a, b in pairs(names)]
    texts = ("model", "family", "nearest", "nearest_family")
    told = {"accuracy": 1.0, "n_models": 3, "null_mean": 0.5, "p": 0.1}
    kin = {
        "labels": pl.DataFrame(
            [{"label": name, "note": name} | told for name in ("family", *names)], labels.TOGETHER
        ),
        "suspects": pl.DataFrame(
            [{"model_a": a, "model_b": b, "suspect": True} for a, b in pairs(names)],
            structure.SUSPECTS,
        ),
        "recipes": pl.DataFrame(
            [{"recipe": name, "p_adjusted": 0.01} for name in names], structure.RECIPES
        ),
        "variance": pl.DataFrame(
            [{"factor": name, "r2": 0.5, "permuted": name} for name in names], structure.VARIANCE
        ),
    }
    counts = {"n_pairs": 1, "n_below_noise_floor": 0, "n_beyond_kl_limit": 0, "kl_limit": 0.15}
    check = {"check": names[0], "value": 1.0, "limit": None, "verdict": names[1]}
    return findings_page(
        title=names[0],
        models=pl.DataFrame(models, pl.from_arrow(tables.MATRIX_MODELS.empty_table()).schema),
        neighbors=pl.DataFrame(near, pl.from_arrow(tables.NEIGHBORS.empty_table()).schema),
        families=pl.DataFrame([dict.fromkeys(texts, name) for name in names]).with_columns(
            same_family=True
        ),
        contrasts=pl.DataFrame(
            [
                {"a": a, "b": b, "shows": a, "kl_nats": 1.0, "low": 0.0, "high": 2.0}
                for a, b in pairs(names)
            ]
        ),
        counts=counts,
        gates={name: pl.DataFrame([check]) for name in names},
        kin=kin,
        labels={names[0]: names[1]},
    )


def pairs(names):
    return list(zip(names, names[1:], strict=False))


@pytest.mark.parametrize("make", [page_of_status, page_of_findings, page_of_map])
def test_names_add_nothing_to_a_page_but_text(zoo, make):
    """As many tags with the same attributes as of harmless names: nothing of them is HTML."""
    hostile, harmless = Page(make(zoo, NAMES)), Page(make(zoo, HARMLESS))
    assert hostile.tags == harmless.tags
    if make is not page_of_map:
        text = "".join(hostile.text)
        for name in NAMES[:8]:
            assert name in text


def test_a_map_keeps_its_data_within_its_script(zoo):
    page = page_of_map(zoo, NAMES)
    (data,) = re.findall(r'<script type="application/json" id="data">.*?</script>', page, re.S)
    assert data.count("<") == data.count("</script>") + data.count("<script") == 2
    assert "alert(1)" in data


def test_data_in_snakemakes_report_ends_no_script():
    names = json.dumps(NAMES)
    lines = ["<p>1 < 2</p>", '<script id="rules">', f"    var rules = {names};", "</script>"]
    before, after = "\n".join(lines), within_scripts("\n".join(lines))
    assert [tag for tag, _ in Page(before).tags] != ["p", "script"]
    assert [tag for tag, _ in Page(after).tags] == ["p", "script"]
    assert after.startswith("<p>1 < 2</p>\n<script")
    assert json.loads(after.split(" = ")[1].split(";\n")[0]) == NAMES


def embedding_figure(zoo, models):
    return map_figure(
        zoo.embedding, models, axes=("a", "b"), title=NAMES[8], labels="all", note=NAMES[9]
    )[0]


def heatmap(zoo, models):
    xy = zoo.embedding.select("x", "y").to_numpy()
    d2 = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    return distance_heatmap(models["model"].to_list(), d2, models)[0]


def phylogeny(zoo, models):
    rows = [(i, K, name, 1.0, None) for i, name in enumerate(models["model"])]
    columns = ["node", "parent", "model", "length", "support"]
    nodes = pl.DataFrame(
        [*rows, (K, None, None, 0.0, None)], columns, orient="row", infer_schema_length=None
    )
    return tree_figure(nodes, models, note=NAMES[9])[0]


def losses(zoo, models):
    of = {"bits_per_byte": 1.0, "bits_per_byte_low": 0.9, "bits_per_byte_high": 1.1}
    some = ["all", *NAMES[:12]]
    rows = [{"model": m, "stratum": s} | of for m in models["model"] for s in some]
    return strata_figure(pl.DataFrame(rows), models)


def correlations(zoo, models):
    rows = [
        {"stratum": s, "benchmark": b, "pearson": 0.5, "p_adjusted": 0.01, "note": None}
        for s in NAMES
        for b in NAMES
    ]
    return strata_correlation_figure(pl.DataFrame(rows, infer_schema_length=None), level=0.95)


def no_correlations(zoo, models):
    row = {"stratum": "a", "benchmark": "b", "pearson": None, "p_adjusted": None}
    schema = {"pearson": pl.Float64, "p_adjusted": pl.Float64}
    rows = [row | {"note": name} for name in NAMES[:12]]
    return strata_correlation_figure(pl.DataFrame(rows, schema_overrides=schema), level=0.95)


def scatter(zoo, models):
    points = models.select("model", x=np.arange(K), y=np.arange(K) ** 2)
    return correlation_figure(
        points, models, x="x", y="y", x_label="x", y_label=NAMES[8], note=NAMES[9]
    )[0]


def predictions(zoo, models):
    of = models.select("model", score=np.arange(K), predicted=np.arange(K))
    table = pl.concat(of.with_columns(benchmark=pl.lit(name)) for name in NAMES[8:10])
    return prediction_figure(
        table, models, [(name, name) for name in NAMES[8:10]], x_label="x", y_label="y"
    )


def no_predictions(zoo, models):
    table = pl.DataFrame(
        schema={"model": str, "benchmark": str, "score": float, "predicted": float}
    )
    return prediction_figure(table, models, [(n, n) for n in NAMES], x_label="x", y_label="y")


def shifts(zoo, models):
    arrows = models.select("model", "recipe", x=np.arange(K), y=np.arange(K))
    table = pl.DataFrame({"recipe": NAMES, "cosine": 0.5, "p": 0.1})
    return shifts_figure(arrows, table, models, shares=(0.6, 0.2))


def comparisons(zoo, models):
    rows = [
        {"stratum_a": a, "stratum_b": b, "ceiling": 0.9, "measure": "cka"}
        | {"value": 0.5, "chance": 0.1, "above_chance": 0.4}
        for i, a in enumerate(NAMES[:12])
        for b in NAMES[i + 1 : 12]
    ]
    return strata_comparison(pl.DataFrame(rows), NAMES[9])


FIGURES = [embedding_figure, no_correlations, no_predictions]
SLOW = [heatmap, phylogeny, losses, correlations, scatter, predictions, shifts, comparisons]
FIGURES += [pytest.param(draw, marks=pytest.mark.slow) for draw in SLOW]


@pytest.mark.filterwarnings("ignore:Glyph", "ignore:The label")
@pytest.mark.parametrize("draw", FIGURES)
def test_names_are_text_in_every_figure(zoo, draw, tmp_path):
    """An SVG that can be read, without script, link or event; formulas are not read as such."""
    z, models = sheet(zoo, NAMES)
    save(draw(z, models), tmp_path / "a.svg")
    for element in ElementTree.parse(tmp_path / "a.svg").iter():
        assert element.tag.rpartition("}")[2] not in ("script", "foreignObject", "a")
        assert not [name for name in element.attrib if name.startswith("on")]
        link = element.attrib.get("{http://www.w3.org/1999/xlink}href", "#")
        assert link.startswith(("#", "data:image/png;"))


def test_names_are_quoted_in_a_tree():
    d2 = (np.arange(K)[:, None] - np.arange(K)) ** 2.0
    text = newick(neighbor_joining(d2), NAMES)
    bare = re.sub(r"'(?:[^']|'')*'", "name", text)
    assert bare.count("name") == K - 1  # the one of letters alone needs no quotes
    assert re.fullmatch(r"[(),:;.\de+xname-]*", bare)
