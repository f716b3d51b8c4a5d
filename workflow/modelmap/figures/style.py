"""The look all figures share: a color per family, a marker per recipe, sizes, and saving."""

import io
import re
from pathlib import Path
from typing import NamedTuple

import matplotlib
from matplotlib.colors import to_hex, to_rgb, to_rgba

from modelmap.figures import fonts

UNKNOWN = "unknown"
GRAY = "#8C8C8C"
INK = "#222222"
BASE = "base"
DPI = 300
METADATA = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}  # no time of day

# Names come from data, and $ in them is a dollar: in every figure, drawn under `theme` or not.
matplotlib.rcParams["text.parse_math"] = False
# What XML cannot hold, not even escaped
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Okabe and Ito (2008) first, the two that serve worst on white last. Each further color is the
# one farthest from those before it, from white and from GRAY: of 540 husl colors, in OKLab, under
# normal, deuteranope and protanope vision (Machado et al. 2009).
# fmt: off
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442",
    "#860D5A", "#4317CB", "#D425ED", "#5F400A", "#62D58E", "#0F487A", "#306D52", "#B5303A",
    "#E1B2C7", "#894C87", "#4778F7", "#604CD0", "#FA68CB", "#80843E", "#BFC560", "#8CA76F",
    "#AEBCFB", "#9E91F9", "#6514A9", "#32D3D0", "#7F77BE", "#E88550", "#F51E6D", "#FCAC8B",
    "#304B42", "#E721B5", "#753034", "#BB166C", "#626612", "#5F3668", "#8B1FE7", "#919CD0",
)
# fmt: on

# Colors of more families than eight are told apart by their outlines, too: each further color has
# the one whose other colors are farthest from it, by the same measure.
# fmt: off
OUTLINES = (
    0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 3, 2, 3, 2, 1, 1, 1, 1, 1,
    3, 3, 3, 1, 2, 2, 0, 0, 2, 2, 3, 0, 0, 3, 2, 0, 3, 2, 0, 1,
)
# fmt: on


class Marker(NamedTuple):
    """One shape under its two names."""

    matplotlib: str
    plotly: str


KNOWN_MARKERS = {
    BASE: Marker("o", "circle"),
    "sft": Marker("s", "square"),
    "mpo": Marker("^", "triangle-up"),
    "merge": Marker("D", "diamond"),
    "quantize": Marker("P", "cross"),
}

SPARE_MARKERS = (
    Marker("v", "triangle-down"),
    Marker("p", "pentagon"),
    Marker("X", "x"),
    Marker("*", "star"),
    Marker("<", "triangle-left"),
    Marker(">", "triangle-right"),
    Marker("h", "hexagon"),
    Marker("8", "octagon"),
    Marker("d", "diamond-tall"),
)


def family_colors(families):
    """Give each family its color, which depends on the set of families only.

    Parameters
    ----------
    families : iterable of str or None
        In any order, repeats allowed; None and "" are the family "unknown".

    Returns
    -------
    dict
        Family to "#RRGGBB". From the 41st family on colors repeat; "unknown" is gray.
    """
    names = {family or UNKNOWN for family in families}
    colors = {
        family: PALETTE[i % len(PALETTE)] for i, family in enumerate(sorted(names - {UNKNOWN}))
    }
    return colors | ({UNKNOWN: GRAY} if UNKNOWN in names else {})


def recipe_markers(recipes):
    """Give each recipe its marker, which depends on the set of recipes only.

    Parameters
    ----------
    recipes : iterable of str or None
        In any order, repeats allowed; None and "" are the recipe "base".

    Returns
    -------
    dict
        Recipe to `Marker`; "base" first, then the recipes with a marker of their own, then the
        others in sorted order, whose markers repeat from the tenth on.
    """
    names = {recipe or BASE for recipe in recipes}
    known = {recipe: marker for recipe, marker in KNOWN_MARKERS.items() if recipe in names}
    others = {
        recipe: SPARE_MARKERS[i % len(SPARE_MARKERS)]
        for i, recipe in enumerate(sorted(names - KNOWN_MARKERS.keys()))
    }
    return known | others


def kind_markers(kinds):
    """Give each kind of something that is no recipe a marker that is no known recipe's.

    Parameters
    ----------
    kinds : list of str

    Returns
    -------
    dict
        Kind to `Marker`, and whether it is filled. Of each two that follow each other one is, so
        that marks differ in gray; from the 19th on they repeat.
    """
    n = len(SPARE_MARKERS)
    return {kind: (SPARE_MARKERS[i % n], (i % n + i // n) % 2 == 0) for i, kind in enumerate(kinds)}


def edge(color):
    """Return a darker shade, in which names in pale colors stand out on white."""
    return to_hex([0.58 * channel for channel in to_rgb(color)])


def outline_kind(color):
    """Return which of the four outlines a family's color has: thin, thick, hollow or dark (0-3)."""
    return OUTLINES[PALETTE.index(color)] if color in PALETTE else 0


def outline(color):
    """Return how a marker in a family's color is drawn.

    Returns
    -------
    face, line : RGBA tuples
    width : float, points
    """
    return (
        (to_rgba(color), to_rgba(INK), 0.4),
        (to_rgba(color), to_rgba(INK), 1.2),
        (to_rgba("white"), to_rgba(color), 1.4),
        (to_rgba(INK), to_rgba(color), 1.4),
    )[outline_kind(color)]


def theme():
    """Return the matplotlib settings to draw and save every figure under.

    Text is 5 to 9 points high as printed, and stays text: SVG names its fonts, PDF embeds them as
    TrueType. Ids are salted with a fixed word, so that a figure made twice is the same file.
    """
    lines = ("axes.linewidth", "xtick.major.width", "ytick.major.width", "patch.linewidth")
    small = ("xtick.labelsize", "ytick.labelsize", "legend.fontsize", "legend.title_fontsize")
    return {
        **dict.fromkeys(lines, 0.6),
        **dict.fromkeys(small, 6),
        **dict.fromkeys(("font.size", "axes.labelsize"), 7),
        **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 2.5),
        **dict.fromkeys(("xtick.major.pad", "ytick.major.pad", "axes.labelpad"), 2),
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
        **dict.fromkeys(("xtick.minor.visible", "ytick.minor.visible", "axes.grid"), False),
        **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
        "axes.titlesize": 8,
        "axes.titlepad": 4,
        "axes.edgecolor": "#888888",
        "axes.axisbelow": True,
        "axes.formatter.useoffset": False,
        "legend.handletextpad": 0.4,
        "legend.columnspacing": 1.2,
        "legend.labelspacing": 0.35,
        "lines.linewidth": 1.0,
        "figure.dpi": DPI,
        "font.family": fonts.families(),
        "svg.fonttype": "none",
        "svg.hashsalt": "modelmap",
        "pdf.fonttype": 42,
    }


def save(figure, *paths, data=None):
    """Write a figure, and what it draws, to each path in the format its suffix names.

    Parameters
    ----------
    figure : Figure
        Drawn under `theme`, of the size it is to be printed in.
    *paths : str or Path
        Ending in .svg, .pdf, .png (300 dpi), or, where there are data, .tsv.
    data : DataFrame, optional
        What is drawn, where no other table of the same stem says it.

    Raises
    ------
    ValueError
        If a suffix is another one, or data have no path, or a .tsv no data; nothing is written.
    """
    paths = [Path(path) for path in paths]
    for path in paths:
        if path.suffix not in (*METADATA, ".tsv"):
            raise ValueError(f"{path}: expected a name ending in .svg, .pdf, .png or .tsv")
    tables = [str(path) for path in paths if path.suffix == ".tsv"]
    if bool(tables) != (data is not None):
        raise ValueError(f"{paths[0]}: expected data and a .tsv, or neither; found {tables}")
    made = {}
    with matplotlib.rc_context(theme()):
        for path in paths:
            if path.suffix not in made:
                made[path.suffix] = _bytes(figure, path.suffix, data)
            path.write_bytes(made[path.suffix])


def _bytes(figure, suffix, data):
    """What a file of this kind holds."""
    if suffix == ".tsv":
        return data.write_csv(separator="\t").encode()
    drawn = io.BytesIO()
    figure.savefig(drawn, format=suffix[1:], dpi=DPI, metadata=METADATA[suffix])
    if suffix == ".svg":
        return _readable_svg(drawn.getvalue().decode()).encode()
    return drawn.getvalue()


def _readable_svg(text):
    """Fonts for whoever has not got these, and nothing that XML cannot hold."""
    drawn_in = ", ".join(f"'{name}'" for name in fonts.families())
    return NO_XML.sub(
        "\ufffd", text.replace(f"font-family: {drawn_in}", f"font-family: {fonts.IN_SVG}")
    )
