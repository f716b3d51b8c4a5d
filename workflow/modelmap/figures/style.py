"""The look all figures share: a color per family, a marker per recipe, fonts, and saving."""

import io
import re
from pathlib import Path
from typing import NamedTuple

import matplotlib
import seaborn as sns
from matplotlib import font_manager
from matplotlib.colors import to_hex, to_rgb

UNKNOWN = "unknown"
GRAY = "#8C8C8C"
INK = "#222222"
BASE = "base"

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

# Fonts that have Chinese, Japanese and Korean; the first one installed stands in for DejaVu Sans.
CJK_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Source Han Sans JP",
    "Hiragino Sans",
    "Yu Gothic",
    "IPAexGothic",
    "IPAGothic",
    "Noto Sans CJK SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK KR",
    "Malgun Gothic",
)


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


def edge(color):
    """Return a darker shade, in which names in pale colors stand out on white."""
    return to_hex([0.58 * channel for channel in to_rgb(color)])


def theme():
    """Return the matplotlib settings to draw and save every figure under.

    Text stays text: SVG names its fonts, PDF embeds them as TrueType. Ids are salted with a fixed
    word, so that a figure made twice is the same file.
    """
    installed = set(font_manager.get_font_names())
    return {
        **sns.axes_style("ticks"),
        **sns.plotting_context("paper", font_scale=0.85),
        **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.6),
        "axes.edgecolor": "#888888",
        "font.family": ["DejaVu Sans", *(font for font in CJK_FONTS if font in installed)],
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "modelmap",
        "pdf.fonttype": 42,
    }


def save(figure, *paths):
    """Write a figure to each path, in the format its suffix names, cut to what is drawn.

    Parameters
    ----------
    figure : Figure
        Drawn under `theme`.
    *paths : str or Path
        Ending in .svg, .pdf or .png (200 dpi).

    Raises
    ------
    ValueError
        If a suffix is another one; nothing is written then.
    """
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
    paths = [Path(path) for path in paths]
    for path in paths:
        if path.suffix not in metadata:
            raise ValueError(f"{path}: expected a name ending in .svg, .pdf or .png")
    with matplotlib.rc_context(theme()):
        for path in paths:
            how = {"dpi": 200, "bbox_inches": "tight", "metadata": metadata[path.suffix]}
            if path.suffix == ".svg":
                drawn = io.StringIO()
                figure.savefig(drawn, format="svg", **how)
                path.write_text(NO_XML.sub("\ufffd", drawn.getvalue()), encoding="utf-8")
            else:
                figure.savefig(path, **how)
