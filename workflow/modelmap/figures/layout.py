"""Where things stand on a figure: as wide as a column of a paper, as high as what is on it."""

from textwrap import fill
from unicodedata import combining, east_asian_width

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLUMN, PAGE = 88 / 25.4, 180 / 25.4  # inches: one column of a paper, and two
HIGHEST = 240 / 25.4  # inches: no page is higher
SMALL = 6  # points: legends, notes, names
PAD, GAP = 0.02, 0.08  # inches: around everything, and between parts
LONGEST = 30  # Latin characters of a name
EM = 0.57  # width of such a character in its size, on average
ROUNDS = 5  # of layout: ticks follow the size of panels, and panels the size of ticks


def columns(text):
    """Return how many Latin characters a text is as wide as; one of East Asia counts two."""
    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)


def shortened(name, longest=LONGEST):
    """Return a name on one line, with an ellipsis in place of its middle where it is long."""
    name = " ".join(name.split())
    if columns(name) <= longest:
        return name
    head, tail = longest // 2, longest - longest // 2 - 1
    return f"{_first(name, head).rstrip()}…{_first(name[::-1], tail)[::-1].lstrip()}"


def _first(text, most):
    widths = np.cumsum([columns(c) for c in text[:most]])
    return text[: int(np.searchsorted(widths, most, "right"))]


def wrapped(text, inches, size=SMALL):
    """Return a text in lines so long that they fit into inches."""
    return fill(text, max(int(72 * inches / (EM * size)), 10))


def new_figure(n_rows=1, n_columns=1, **how):
    """Return a figure and its panels, an array (n_rows, n_columns), for `fit` to lay out."""
    figure = Figure((COLUMN, COLUMN))
    FigureCanvasAgg(figure)
    return figure, figure.subplots(n_rows, n_columns, squeeze=False, **how)


def absence(text, width=COLUMN):
    """Return a figure that says why there is none."""
    lines = wrapped(text, width - 4 * GAP, size=7)
    figure = Figure((width, 0.3 + 0.13 * (lines.count("\n") + 1)))
    FigureCanvasAgg(figure)
    figure.text(0.5, 0.5, lines, ha="center", va="center", fontsize=7, linespacing=1.3)
    return figure


def draw_note(figure, text, width):
    """Write lines of text for `fit` to put below a figure; return them."""
    style = {"fontsize": SMALL, "color": "#555555", "va": "top", "linespacing": 1.3}
    return figure.text(
        0, 0, wrapped(text, width - 2 * PAD), transform=figure.dpi_scale_trans, **style
    )


def draw_legend(figure, handles, title=None, *, across=None, down=None):
    """Draw a legend for `fit` to put below a figure or beside it.

    Parameters
    ----------
    handles : list of artists
        With labels, which are shortened.
    title : str, optional
    across, down : float
        Inches that it may be wide, or high; it has the columns that fit, or that it needs.

    Returns
    -------
    Legend
    """
    for handle in handles:
        handle.set_label(shortened(handle.get_label()))
    style = {"loc": "upper left", "bbox_to_anchor": (0, 0), "borderaxespad": 0, "borderpad": 0}
    style |= {"bbox_transform": figure.dpi_scale_trans, "alignment": "left", "title": title}
    legend = figure.legend(handles=handles, **style)
    wide, high = _size(legend)
    n = int((across + GAP) // (wide + GAP)) if across else int(np.ceil(high / (down or high)))
    if min(n, len(handles)) > 1:
        legend.remove()
        legend = figure.legend(handles=handles, ncols=min(n, len(handles)), **style)
    legend.get_title().set_fontweight("bold")
    return legend


def fit(figure, panels, width, *, height=None, ratio=None, beside=(), below=(), gap=GAP):
    """Give a figure its width, and place all that is on it so that nothing is cut off.

    Parameters
    ----------
    figure : Figure
    panels : array of Axes, (n_rows, n_columns)
        All of one size. What belongs to them (ticks, names, titles, insets) is measured.
    width : float
        Inches, exactly.
    height, ratio : float
        Inches a panel is high; or how high it is, in its widths.
    beside, below : sequences of artists
        Legends and notes, stacked on the right, from the top; and below all else, from the left.
    gap : float
        Inches between what belongs to two panels.
    """
    aside = max((_size(artist)[0] + 2 * GAP for artist in beside), default=0)
    tall = sum(_size(artist)[1] + GAP for artist in beside)
    under = sum(_size(artist)[1] + GAP for artist in below)
    before = np.zeros(4)
    for _ in range(ROUNDS):
        beyond = np.array([[_beyond(axes) for axes in row] for row in panels])
        left, right = beyond[..., 0].max(axis=0), beyond[..., 2].max(axis=0)
        bottom, top = beyond[..., 1].max(axis=1), beyond[..., 3].max(axis=1)
        spaces = (right[:-1] + left[1:] + gap, bottom[:-1] + top[1:] + gap)
        n_rows, n_columns = panels.shape
        free = width - aside - left[0] - right[-1] - spaces[0].sum() - 2 * PAD
        wide = max(free / n_columns, 0.3)
        high = height or ratio * wide
        block = top[0] + n_rows * high + spaces[1].sum() + bottom[-1]
        total = max(block, tall) + under + 2 * PAD
        figure.set_size_inches(width, total)
        x = PAD + left[0] + np.r_[0, np.cumsum(wide + spaces[0])]
        y = total - PAD - top[0] - high - np.r_[0, np.cumsum(high + spaces[1])]
        for i, j in np.ndindex(panels.shape):
            place = np.array([x[j] / width, y[i] / total, wide / width, high / total])
            panels[i, j].set_position(place)
        if np.abs(before - (wide, high, x[0], total)).max() < 0.004:
            break
        before = np.array([wide, high, x[0], total])
    _stack(beside, width - aside + 2 * GAP - PAD, total - PAD)
    _stack(below, PAD, total - PAD - max(block, tall) - GAP)


def _size(artist):
    """Width and height in inches."""
    return np.array(artist.get_window_extent().size) / artist.get_figure(root=True).dpi


def _beyond(axes):
    """How far what belongs to a panel reaches out on the left, below, on the right, above."""
    tight = axes.get_tightbbox()
    if tight is None:
        return np.zeros(4)
    out = axes.bbox.extents - tight.extents
    return np.maximum(out * (1, 1, -1, -1), 0) / axes.get_figure(root=True).dpi


def _stack(artists, x, y):
    for artist in artists:
        if hasattr(artist, "set_bbox_to_anchor"):
            artist.set_bbox_to_anchor(
                (x, y), transform=artist.get_figure(root=True).dpi_scale_trans
            )
        else:
            artist.set_position((x, y))
        y -= _size(artist)[1] + GAP
