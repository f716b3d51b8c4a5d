"""What the map's page holds, as JSON: models by their number, columns to color them by, samples."""

import json
from base64 import b64encode

import numpy as np
import polars as pl
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path

from modelmap.figures.axes import axis_names, faithfulness
from modelmap.figures.map import representatives
from modelmap.figures.points import named
from modelmap.figures.style import family_colors, outline_kind, recipe_markers

N_NEAREST = 10
N_FIRST = 60  # models whose names are tried first
MOST_CHARACTERS = 400  # of a text or prompt; more of it is cut
WORDS = {
    "family": "Family",
    "generation": "Generation",
    "recipe": "Recipe",
    "language_model": "Backbone",
    "vision_encoder": "Vision encoder",
    "tokenizer": "Tokenizer",
}
# column -> name, unit, whether its logarithm is colored
NUMBERS = {
    "params_b": ("Parameters", "billions", True),
    "nats_per_sample": ("Mean NLL", "nats per sample", False),
    "nats_per_token": ("Mean NLL", "nats per token", False),
    "bits_per_byte": ("Mean NLL", "bits per byte", False),
    "image_gap": ("Image gap", "nats per sample", False),
}
VERDICTS = {"pass": "#009E73", "flag": "#E69F00", "refuse": "#D55E00"}


def page_data(
    *, on_map, models, embeddings, nearest, differing, samples, images, notes, origins, scores
):
    """Gather what the page shows.

    Parameters
    ----------
    on_map : list of str
        Models, in the order of their numbers.
    models : DataFrame
        Column model, of the whole sheet; and where known label, family, generation, recipe,
        parent (names, comma-separated), year (a number) with released, the other columns of
        `WORDS` and those of `NUMBERS`.
    embeddings : dict
        Name ("t-SNE") to a dict: rows (model, x, y, and where there are ellipses ellipse_xx,
        ellipse_xy, ellipse_yy), facts (explained_variance, where the method has one, and see
        `axes.faithfulness`), radius (Mahalanobis, of the ellipses; None: there are none); or, of
        one that is absent: reason.
    nearest : DataFrame
        Columns model, rank (from 1), neighbor, kl_nats, low, high, p_nearest, below_noise_floor,
        beyond_kl_limit; of each model the first `N_NEAREST` are shown.
    differing : DataFrame
        Columns model, neighbor, sample_id, own, other, difference (nats), share (of their squared
        distance): see `disagreement.table`.
    samples : DataFrame
        Columns sample_id, and where known group, stratum, prompt, target.
    images : dict
        Group to the bytes of a small WebP image.
    notes : dict
        near: what near models do, "find the same samples likely"; values: what own and other are,
        "log-likelihood"; more: what the model with the larger one does, "finds it likelier";
        beyond: what of the models does not count, "mean";
        images: why there are none, or "".
    origins : dict
        Model to a dict: gate (list of dict: check, value, limit, verdict) and facts (name to
        text), or of one that was not scored here: note.
    scores : DataFrame or None
        Columns model, and one for each benchmark.

    Returns
    -------
    dict, of what JSON can hold
    """
    number = {model: i for i, model in enumerate(on_map)}
    rows = pl.DataFrame({"model": on_map}, {"model": pl.String}).join(
        models, on="model", how="left", maintain_order="left"
    )
    rows, sheet = named(rows), named(models)
    seen = _samples(samples, differing, images)
    if images and any(sample["image"] is None for sample in seen):
        notes = notes | {"images": "Of the images, those that stand in most lists are shown."}
    return {
        "models": [_model(row, number) for row in rows.iter_rows(named=True)],
        "shapes": _shapes(sheet["recipe"], set(rows["recipe"])),
        "facets": _facets(rows, sheet, origins, scores),
        "embeddings": [_embedding(name, e, rows) for name, e in embeddings.items()],
        "nearest": _nearest(nearest, number),
        "differing": _differing(differing, number, [sample["id"] for sample in seen]),
        "samples": seen,
        "images": [_data_uri(content) for content in images.values()],
        "notes": notes,
        "origins": [_origin(origins.get(model)) for model in on_map],
    }


def as_json(data):
    """JSON that can stand in a script of a page: no string of it ends the script."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", r"\u003c")


def _model(row, number):
    parents = [name.strip() for name in row["parent"].split(",") if name.strip()]
    return {
        **{key: row[key] for key in ("model", "label", "family", "recipe")},
        "parents": [number[name] for name in parents if name in number],
        "elsewhere": [name for name in parents if name not in number],
    }


def _shapes(recipes, shown):
    """The marker of each recipe: its name for plotly, and as an SVG path of width 2."""
    return {
        recipe: {"symbol": marker.plotly, "path": _svg_path(marker.matplotlib)}
        for recipe, marker in recipe_markers(recipes).items()
        if recipe in shown
    }


def _svg_path(marker):
    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    path = Path(path.vertices / np.abs(path.vertices).max() * (1, -1), path.codes)
    letters = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
    return "".join(
        letters[code] + " ".join(f"{x:.3g}" for x in points) if code in letters else "Z"
        for points, code in path.iter_segments(simplify=False)
    )


def _facets(rows, sheet, origins, scores):
    """What models can be colored by; only what is known of any of them."""
    facets = [
        _words(column, name, rows[column], family_colors(sheet[column].drop_nulls()))
        for column, name in WORDS.items()
        if column in rows.columns
    ]
    if "year" in rows.columns:
        facets.append(_numbers("released", "Released", rows["year"], shown=rows["released"]))
    facets += [
        _numbers(column, name, rows[column], unit=unit, log=log)
        for column, (name, unit, log) in NUMBERS.items()
        if column in rows.columns
    ]
    verdicts = pl.Series([_verdict(origins.get(model, {})) for model in rows["model"]])
    facets.append(_words("gate", "Gate", verdicts, VERDICTS))
    if scores is not None:
        scored = rows.select("model").join(scores, on="model", how="left", maintain_order="left")
        facets += [
            _numbers(f"benchmark:{name}", name, scored[name])
            for name in scores.columns
            if name != "model"
        ]
    return [facet for facet in facets if any(v is not None for v in facet["values"])]


def _words(key, name, values, colors):
    values = values.cast(pl.String).replace("", None).to_list()
    colors = {value: color for value, color in colors.items() if value in set(values)}
    outlines = {value: outline_kind(color) for value, color in colors.items()}
    facet = {"key": key, "name": name, "kind": "words", "values": values}
    return facet | {"colors": colors, "outlines": outlines}


def _numbers(key, name, values, *, unit="", log=False, shown=None):
    # Years are not shortened: of 2024.79 five digits are another month
    values = [_short(value) for value in values] if shown is None else values.to_list()
    if log:
        values = [value if value and value > 0 else None for value in values]
    facet = {"key": key, "name": name, "unit": unit, "kind": "numbers", "log": log}
    return facet | {"values": values} | ({"shown": shown.to_list()} if shown is not None else {})


def _verdict(origin):
    """The worst verdict of a model's gate."""
    found = {check["verdict"] for check in origin.get("gate", [])}
    return next((verdict for verdict in ("refuse", "flag", "pass") if verdict in found), None)


def _embedding(name, made, rows):
    if "reason" in made:
        return {"name": name, "reason": made["reason"]}
    placed = rows.select("model").join(made["rows"], on="model", how="left", maintain_order="left")
    number = dict(zip(rows["model"], range(rows.height), strict=True))
    first = representatives(made["rows"], rows, limit=min(N_FIRST, rows.height))
    return {
        "name": name,
        "axes": list(axis_names(name, made["facts"].get("explained_variance"))),
        "note": faithfulness(made["facts"]),
        "x": [_short(x) for x in placed["x"]],
        "y": [_short(y) for y in placed["y"]],
        "ellipses": made["radius"] and _ellipses(placed, made["radius"]),
        "first": [number[model] for model in first],
    }


def _ellipses(placed, radius):
    """Numbers (a, b, c) of each: its border is (a cos t, b cos t + c sin t) beside the point.

    They are the Cholesky factor of the covariance, times the radius.
    """
    columns = ("ellipse_xx", "ellipse_xy", "ellipse_yy")
    found = []
    for xx, xy, yy in placed.select(columns).iter_rows():
        if xx is None or not xx > 0:
            found.append(None)
            continue
        a = xx**0.5
        c = max(yy - xy**2 / xx, 0) ** 0.5
        found.append([_short(radius * value) for value in (a, xy / a, c)])
    return found


def _nearest(nearest, number):
    """Of each model [neighbor, KL, low, high, p, mark], nearest first."""
    found = [[] for _ in number]
    shown = nearest.filter(pl.col("rank") <= N_NEAREST).sort("model", "rank")
    for row in shown.iter_rows(named=True):
        mark = "noise" if row["below_noise_floor"] else "far" if row["beyond_kl_limit"] else ""
        values = [_short(row[key]) for key in ("kl_nats", "low", "high", "p_nearest")]
        found[number[row["model"]]].append([number[row["neighbor"]], *values, mark])
    return found


def _differing(differing, number, ids):
    """Of each model [its nearest, rows of [sample, own, other, difference, share]], or null."""
    place, found = {name: i for i, name in enumerate(ids)}, [None] * len(number)
    for row in differing.iter_rows(named=True):
        i = number[row["model"]]
        found[i] = found[i] or [number[row["neighbor"]], []]
        values = [_short(row[key]) for key in ("own", "other", "difference", "share")]
        found[i][1].append([place[row["sample_id"]], *values])
    return found


def _samples(samples, differing, images):
    """The samples that are shown, once each."""
    place = {group: i for i, group in enumerate(images)}
    rows = differing.select("sample_id").unique(maintain_order=True)
    rows = rows.join(samples, on="sample_id", how="left", maintain_order="left")
    return [
        {
            "id": row["sample_id"],
            "image": place.get(row.get("group")),
            **{key: _cut(row[key]) for key in ("stratum", "prompt", "target") if row.get(key)},
        }
        for row in rows.iter_rows(named=True)
    ]


def _cut(text):
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} \u2026"


def _data_uri(content):
    return f"data:image/webp;base64,{b64encode(content).decode()}"


def _origin(origin):
    if origin is None:
        return {"note": "nothing is known of how it was scored"}
    gate = [
        [check["check"], _short(check["value"]), _short(check["limit"]), check["verdict"]]
        for check in origin.get("gate", [])
    ]
    return {**origin, "gate": gate}


def _short(value):
    """A number with five digits; None where there is none."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.5g}")
