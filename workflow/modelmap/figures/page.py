"""The map as one page that needs no network: hover, pick families, switch embeddings."""

from html import escape
from string import Template

import plotly.graph_objects as go
import polars as pl

from modelmap.figures.hover import escaped, hovers
from modelmap.figures.points import LINEAGE, join, lineage, look, named
from modelmap.figures.style import INK

FONTS = 'system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK JP", sans-serif'
# Without these plotly offers to upload the chart, data and all
CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "responsive": True,
    "scrollZoom": True,
}

# The policy keeps the promise of the page: nothing is loaded from anywhere
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; form-action 'none'">
<title>$title</title>
<style>
body { margin: 0 auto; padding: 1.5rem 2rem; color: $ink; background: white;
  font: 16px/1.5 $fonts; }
h1 { margin: 0 0 .3rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0 0 .75rem; max-width: 48rem; color: #555; }
</style>
</head>
<body>
<h1>$title</h1>
$body
</body>
</html>
""")

HOW_TO_READ = """<p>Each point is a model. Models that are near each other give similar
probabilities to the same samples. Distances between far groups mean little in t-SNE and UMAP; point
at a model for its nearest neighbors by KL divergence. Click a family to hide it, twice to see
it alone.</p>"""


def map_page(embeddings, models, neighbors, *, reasons, title):
    """Make the interactive map.

    Parameters
    ----------
    embeddings : dict
        Name on the button ("t-SNE", "UMAP", "PCA") to a DataFrame of columns model, x, y and the
        names of the two axes, such as ("PC 1 (81 %)", "PC 2 (7 %)"). The first one that has rows
        is shown first; one without has no button.
    models : DataFrame
        Columns model, label, family, recipe, parent, nats_per_sample, nats_per_token,
        bits_per_byte; only the first must be there, and values may be missing.
    neighbors : DataFrame
        Columns model, rank (from 1), neighbor, kl_nats, low, high (95 % interval).
    reasons : dict of str to str
        Name of an embedding that is not there to what the page says about it: "needs at least 4
        models, there are 3".
    title : str

    Returns
    -------
    str
        HTML of about 5 MB, plotly.js included.
    """
    drawn = {name: made for name, made in embeddings.items() if made[0].height}
    absent = "<br>\n".join(f"{escape(name)}: {escape(why)}" for name, why in reasons.items())
    body = HOW_TO_READ if drawn else "<p>There is no embedding to show.</p>"
    body += f"\n<p>{absent}</p>\n" if absent else ""
    body += _plot(drawn, models, neighbors) if drawn else ""
    return PAGE.substitute(title=escape(title), body=body, ink=INK, fonts=FONTS)


def _plot(embeddings, models, neighbors):
    """Return a div with the script that fills it."""
    points = pl.concat([table.select("model") for table, _ in embeddings.values()])
    rows = join(points.unique(maintain_order=True), models)
    colors, markers = look(rows, models)
    labels = dict(named(models).select("model", "label").iter_rows())
    says = hovers(rows, neighbors, labels=labels)
    placed = [_place(rows, table) for table, _ in embeddings.values()]
    axes = [tuple(map(escaped, names)) for _, names in embeddings.values()]
    figure = go.Figure([_lineage_trace(placed[0])])
    figure.add_traces([_family_trace(placed[0], *item, markers, says) for item in colors.items()])
    figure.add_traces([_legend_entry(*item) for item in colors.items()])
    figure.add_traces([_recipe_entry(recipe, m.plotly) for recipe, m in markers.items()])
    buttons = map(_button, embeddings, placed, axes, [colors] * len(placed))
    figure.update_layout(_layout(axes[0], list(buttons)))
    return figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id="map",
        config=CONFIG,
        default_height="80vh",
    )


def _place(rows, embedding):
    """Return every model with its x and y, null where this embedding lacks it."""
    at = embedding.select("model", "x", "y")
    return rows.drop("x", "y", strict=False).join(at, on="model", how="left", maintain_order="left")


def _in_family(placed, family):
    return placed.filter(pl.col("family") == family)


def _family_trace(placed, family, color, markers, says):
    rows = _in_family(placed, family)
    return go.Scatter(
        x=rows["x"].to_list(),
        y=rows["y"].to_list(),
        mode="markers",
        legendgroup=escaped(family),
        showlegend=False,
        text=[says[model] for model in rows["model"]],
        hovertemplate="%{text}<extra></extra>",
        marker={
            "color": color,
            "opacity": 1,
            "symbol": [markers[recipe].plotly for recipe in rows["recipe"]],
            "size": 11,
            "line": {"color": INK, "width": 1},
        },
    )


def _legend_entry(family, color):
    """Return a circle that shows and hides the family, whatever the recipe of its first model."""
    entry = _entry(family, "circle", color)
    return entry.update(legendgroup=escaped(family))


def _recipe_entry(recipe, symbol):
    return _entry(recipe, symbol, "white").update(legend="legend2")


def _entry(name, symbol, color):
    marker = {"symbol": symbol, "color": color, "size": 10, "line": {"color": INK, "width": 1}}
    return go.Scatter(x=[None], y=[None], mode="markers", name=escaped(name), marker=marker)


def _lineage_trace(placed):
    x, y = _lineage_path(placed)
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        name="parent to child",
        hoverinfo="skip",
        legend="legend2",
        legendrank=2000,
        line={"color": LINEAGE, "width": 1},
    )


def _lineage_path(placed):
    """Return all lines as one path with gaps."""
    ends = [(*line, (None, None)) for line in lineage(placed.drop_nulls(["x", "y"]))]
    return [x for line in ends for x, _ in line], [y for line in ends for _, y in line]


def _button(name, placed, axes, colors):
    """Return the button that moves every trace to its place in one embedding."""
    families = [_in_family(placed, family) for family in colors]
    paths = [_lineage_path(placed)]
    paths += [(rows["x"].to_list(), rows["y"].to_list()) for rows in families]
    moved = {"x": [x for x, _ in paths], "y": [y for _, y in paths]}
    turned = {}
    for axis, title in zip(("xaxis", "yaxis"), axes, strict=True):
        turned |= {f"{axis}.title.text": title, f"{axis}.autorange": True}
    args = [moved, turned, list(range(len(paths)))]
    return {"label": escaped(name), "method": "update", "args": args}


def _layout(axes, buttons):
    axis = {"showticklabels": False, "ticks": "", "zeroline": False, "showgrid": False}
    axis |= {"mirror": True, "showline": True, "linecolor": "#888888"}
    x, y = ({"title": {"text": title}} for title in axes)
    return {
        "template": "simple_white",
        "font": {"family": FONTS, "color": INK},
        "margin": {"l": 40, "r": 10, "t": 50, "b": 40},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "white", "align": "left", "font": {"color": INK, "size": 13}},
        "xaxis": axis | x,
        "yaxis": axis | y | {"scaleanchor": "x"},
        "legend": _legend("Family", y=1, yanchor="top", tracegroupgap=0, maxheight=0.65),
        "legend2": _legend("Recipe", y=0, yanchor="bottom", itemclick=False, itemdoubleclick=False),
        "updatemenus": [_menu(buttons)],
    }


def _legend(title, **place):
    return {"title": {"text": f"<b>{title}</b>"}, "x": 1.01, "xanchor": "left", **place}


def _menu(buttons):
    place = {"x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom", "pad": {"b": 4}}
    return {"type": "buttons", "direction": "right", "buttons": buttons, **place}
