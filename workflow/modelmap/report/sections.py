"""What a report shows of each result: its figures, its tables, links to its files."""

import json
from html import escape
from os.path import relpath
from pathlib import Path
from typing import NamedTuple

import polars as pl

from modelmap.figures.picture import link, picture
from modelmap.figures.report import Section, folded, tabs
from modelmap.figures.table import labeled, table
from modelmap.report.methods import in_words

MOST_ROWS = 3  # neighbors of each model
UNFOLDED = 12  # rows; a longer table beside a figure is folded

# Columns of text: a model may be called 007, or 1e5.
TEXT = ("model", "label", "family", "generation", "recipe", "parent", "dataset", "map", "name")
TEXT += ("status", "reason", "repo", "commit", "dtype", "attention", "device", "note", "group")
TEXT += ("stratum", "sample_id", "benchmark", "measure", "predictor", "protocol", "folds", "method")
TEXT += (
    "neighbor",
    "nearest",
    "nearest_family",
    "held_out_with",
    "left_out",
    "by",
    "of",
    "against",
)
TEXT += ("factor", "permuted", "removed", "parameters", "absent", "evaluated_on", "a", "b", "shows")
TEXT += ("level", "estimate", "kl", "pairs", "origin", "first", "second", "lineage", "check")
TEXT += tuple(f"{what}_{end}" for what in ("model", "map", "stratum", "method") for end in "ab")

# What results of one caption are called, in the order of the page.
TITLES = {
    "map": "Pictures",
    "page": "To explore",
    "findings": "Numbers with what they say",
    "embeddings": "How faithful the pictures are",
    "pca_variance": "How many dimensions",
    "drift": "What new models would move",
    "heatmap": "Distances",
    "neighbors": "Nearest models",
    "adjustment": "Length and difficulty",
    "tree": "Tree",
    "suspects": "Undeclared parents",
    "lineage": "What recipes do",
    "labels": "What stands together",
    "variance": "What the sheet explains",
    "strata": "Kinds of samples",
    "models": "Losses, image use, noise",
    "correlation": "Benchmarks and mean loss",
    "correlation_strata": "By kind of sample",
    "prediction": "Scores predicted from the map",
    "leakage": "Likelier than scores suggest",
    "coverage": "Models in both",
    "answers": "Questions answered",
    "stability_datasets": "Other datasets",
    "stability_samples": "Other samples",
    "stability_models": "Other models",
    "stability_seeds": "Other seeds",
    "stability_methods": "Other methods",
    "stability_strata": "Other kinds of samples",
    "subsets": "Fewer samples",
    "divergences": "KL measured, KL estimated",
    "interpolation": "Models between models",
    "status": "How every model fared",
}


class Result(NamedTuple):
    """A file that a report shows."""

    file: str
    caption: str  # the stem of its template
    kind: str  # figure, table, page, or another, which is linked only
    what: str  # its name among those of one caption
    of: str | None  # the map or dataset that it is of


def sections(results, captions, page, labels):
    """Make a section of the results of each caption, side by side where they are of several maps.

    Parameters
    ----------
    results : list of Result
    captions : function of (caption, of) to HTML
    page : Path
        Where the report will lie, for links.
    labels : dict of model to label

    Returns
    -------
    list of Section, in the order of TITLES
    """
    made = []
    for name in sorted({result.caption for result in results}, key=list(TITLES).index):
        some = [result for result in results if result.caption == name]
        panels = []
        for of in dict.fromkeys(result.of for result in some):
            mine = [result for result in some if result.of == of]
            key = f"{name}-{len(panels)}-{mine[0].of or 'all'}"
            panels.append((of or "all", _panel(mine, captions(name, of), page, _id(key), labels)))
        key = _id(f"{name}-{some[0].of or 'all'}")
        made.append(Section(key, TITLES[name], tabs(f"of-{key}", panels)))
    return made


def read_table(file):
    """A table as a report shows it: without columns that hold nothing.

    Of neighbors the nearest MOST_ROWS of each model; parameters of embeddings in words.
    """
    path = Path(file)
    if path.suffix == ".parquet":
        frame = pl.scan_parquet(path)
        if "rank" in frame.collect_schema():
            frame = frame.filter(pl.col("rank") <= MOST_ROWS)
        frame = frame.collect()
    else:
        frame = read_tsv(path)
        if "parameters" in frame.columns:
            held = pl.col("parameters").map_elements(
                lambda text: in_words(json.loads(text)), return_dtype=pl.String
            )
            frame = frame.with_columns(parameters=held)
    empty = [column.name for column in frame if column.null_count() == frame.height]
    return frame.drop(empty) if frame.height else frame


def read_tsv(file):
    """A table of which nothing but columns of numbers is read as numbers."""
    text = dict.fromkeys(TEXT, pl.String)
    return pl.read_csv(file, separator="\t", infer_schema_length=None, schema_overrides=text)


def _panel(results, caption, page, key, labels):
    """The results of one caption and one map: figures, tables, links."""
    of = results[0].of
    drawn = [result for result in results if result.kind == "figure"]
    figures = [
        (title, picture(svg, title=f"{title}, {of}" if of else title, page=page))
        for result in drawn
        for title, svg in _drawings(result)
    ]
    listed = [result for result in results if result.kind == "table"]
    tables = [_table(result, page, labels, bool(drawn)) for result in listed]
    shown = tabs(key, figures) if figures else ""
    return f'<p class="caption">{caption}</p>{shown}{_links(results, page)}{"".join(tables)}'


def _links(results, page):
    """Links to what is not shown: pages, and figures that show the same otherwise."""
    linked = {}
    for result in results:
        if result.kind not in ("figure", "table"):
            linked.setdefault(result.kind, []).append(link(result.file, page, result.what))
    return "".join(
        f"<p class=files>{escape(kind.partition(', ')[2])} {' · '.join(some)}</p>"
        for kind, some in linked.items()
    )


def _drawings(result):
    """Title and path of a figure, or of every figure in a folder."""
    path = Path(result.file)
    if not path.is_dir():
        return [(result.what, path)]
    return [(svg.stem, svg) for svg in sorted(path.glob("*.svg"))]


def _table(result, page, labels, beside_figure):
    path = Path(result.file)
    name = Path(relpath(path, page.parent)).with_suffix("").as_posix()
    frame = read_table(path)
    if not frame.height:
        return f"<p>No row in {link(path, page, path.name)}.</p>"
    shown = table(labeled(frame, labels), name.replace("/", " "))
    shown = f"<p class=files>{link(path, page, path.name)}</p>{shown}"
    if beside_figure and frame.height > UNFOLDED:
        return folded(f"{result.what}: {frame.height:,} rows", shown)
    return shown


def _id(text):
    """Something that can be an anchor."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in text)
