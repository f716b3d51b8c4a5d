"""What holds for every figure: its size, its type, its colors, and that nothing is cut off."""

import ast
import re
import zlib
from pathlib import Path

import matplotlib
import numpy as np
import polars as pl
import pytest
from every_figure import every_figure, maps, pairs
from matplotlib.colors import to_hex
from matplotlib.image import AxesImage
from matplotlib.text import Text
from synthetic_zoo import make_zoo

import modelmap.figures.style
from modelmap.figures.style import edge, family_colors, outline, save, theme

FOLDER = Path(modelmap.figures.style.__file__).parent
WIDTHS = {88 / 25.4, 180 / 25.4}
NAMES = (
    "an-organization/a-very-long-name-of-a-model-that-somebody-published-v2.5-72B-chat",
    "日本語の大規模視覚言語モデル中文模型版本二〇二五年",
    '<b> & "q" $x_1$',
)


@pytest.fixture(autouse=True)
def themed():
    """Ticks are made when they are measured: under the theme, as when a figure is saved."""
    with matplotlib.rc_context(theme()):
        yield


def expect_whole(figure, name):
    """Of exact width, with all that is drawn inside, in type that can be read."""
    width, height = figure.get_size_inches()
    assert any(width == pytest.approx(w) for w in WIDTHS), name
    box = figure.get_tightbbox()
    assert min(box.x0, box.y0) > -0.005, name
    assert box.x1 < width + 0.005, name
    assert box.y1 < height + 0.005, name
    sizes = [t.get_fontsize() for t in figure.findobj(Text) if t.get_text().strip()]
    assert 5 <= min(sizes) <= max(sizes) <= 9, name


def expect_apart(figure, name):
    """Panels, legends and notes do not cover each other."""
    parts = [a.get_tightbbox() for a in figure.axes if a.get_visible()]
    parts += [part.get_window_extent() for part in (*figure.legends, *figure.texts)]
    for i, a in enumerate(parts):
        assert not any(a.shrunk(0.99, 0.99).overlaps(b) for b in parts[:i]), name


@pytest.fixture(scope="module")
def plain():
    with matplotlib.rc_context(theme()):
        return every_figure(12, 3)


@pytest.mark.slow
@pytest.mark.parametrize(("k", "n_families"), [(12, 1), (56, 7), (150, 40)])
def test_figures_have_the_width_of_a_column_and_nothing_is_cut_off(k, n_families):
    for name, figure in every_figure(k, n_families).items():
        expect_whole(figure, name)
        expect_apart(figure, name)


@pytest.mark.slow
def test_figures_of_a_thousand_models_are_legible():
    for name, figure in every_figure(1000, 40).items():
        expect_whole(figure, name)
        expect_apart(figure, name)
        assert figure.get_figheight() < 14, name


@pytest.mark.slow
@pytest.mark.filterwarnings("error:Glyph")
def test_long_and_foreign_names_do_not_squeeze_figures(plain, tmp_path):
    columns = {
        column: pl.Series([f"{NAMES[i % n % 3]} {column} {i % n}" for i in range(12)])
        for column, n in (("label", 12), ("family", 3), ("recipe", 3))
    }
    for name, figure in every_figure(12, 3, **columns).items():
        expect_whole(figure, name)
        expect_apart(figure, name)
        for axes, other in zip(figure.axes, plain[name].axes, strict=False):
            assert axes.get_window_extent().width > 0.5 * other.get_window_extent().width, name
        save(figure, tmp_path / "a.png")


def colors_in(figure):
    """All colors of marks, lines, texts and pictures of a figure."""
    found = set()
    for artist in figure.findobj():
        for get in ("get_facecolors", "get_edgecolors"):
            if hasattr(artist, get):
                found |= {to_hex(color).upper() for color in getattr(artist, get)()}
        for get in ("get_color", "get_markerfacecolor", "get_markeredgecolor"):
            if hasattr(artist, get) and not isinstance(getattr(artist, get)(), list):
                color = getattr(artist, get)()
                found |= set() if isinstance(color, np.ndarray) else {to_hex(color).upper()}
    for image in figure.findobj(AxesImage):
        if image.get_array().ndim == 3:
            found |= {to_hex(color).upper() for color in image.get_array().reshape(-1, 3)}
    return found


WITH_FAMILIES = ("map", "map_all", "map_column", "heatmap", "tree", "lineage", "strata", "scatter")
WITH_FAMILIES += ("prediction", "leakage", "models", "drift", "text_kl")


@pytest.mark.slow
def test_a_family_has_one_color_in_all_figures(plain):
    shared = family_colors([f"Family{i}" for i in range(3)])
    for name in WITH_FAMILIES:
        found = colors_in(plain[name])
        for color in shared.values():
            assert {color, edge(color).upper()} & found, (name, color)
    others = plain.keys() - set(WITH_FAMILIES)
    for name in others - {"correlation_strata", "stability_strata", "methods", "interpolation"}:
        assert not set(shared.values()) & colors_in(plain[name]), name


def test_no_figure_shares_out_colors_of_its_own():
    own = {"family_colors", "recipe_markers", "PALETTE", "OUTLINES", "KNOWN_MARKERS"}
    for path in FOLDER.glob("*.py"):
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        # page_data colors any column of words, over the whole sheet as `points` does
        assert path.stem in ("points", "page_data") or not names & own, path


@pytest.mark.slow
@pytest.mark.parametrize("part", [maps, pairs])
def test_fonts_are_embedded_as_outlines_and_svg_names_others_as_well(part, tmp_path):
    zoo = make_zoo(12, 3)
    models = zoo.models.with_columns(label=pl.Series([f"日本語モデル{i}" for i in range(12)]))
    figure, *_ = part(zoo, models, None).values()
    save(figure, tmp_path / "a.pdf", tmp_path / "a.svg")
    pdf = (tmp_path / "a.pdf").read_bytes()
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    objects = pdf + b"".join(zlib.decompress(s) for s in streams if s[:1] == b"x")
    assert b"/FontFile2" in objects
    assert not re.search(rb"/Subtype\s*/Type3", objects)
    embedded = set(re.findall(rb"/FontName\s*/(?:[A-Z]{6}\+)?([\w-]+)", objects))
    assert {b"DejaVuSans"} < embedded
    svg = (tmp_path / "a.svg").read_text()
    assert "日本語モデル3</text>" in svg
    for styled in re.findall('font-family: ([^;"]*)', svg):
        assert styled.startswith("'DejaVu Sans', 'Verdana'")
        assert "'Noto Sans CJK KR'" in styled
        assert styled.endswith("sans-serif")


def test_outlines_tell_families_apart_whose_colors_are_near():
    """In OKLab (Ottosson 2020), also to deuteranopes and protanopes (Machado et al. 2009)."""
    colors = [*family_colors([f"{i:02}" for i in range(40)]).values()]
    looks = [kind(color) for color in colors]
    far = distances(colors)
    for i, a in enumerate(looks):
        for j in range(i):
            assert far[i, j] > (0.05 if a == looks[j] else 0.03), (colors[i], colors[j])


def kind(color):
    """What of a mark has the color: its face, its line, or its face within a thick line."""
    face, line, width = outline(color)
    return to_hex(face) if to_hex(line).upper() == color else width


def distances(colors):
    deuteranope = [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
    protanope = [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
    lms = [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]
    lab = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    found = []
    for vision in (np.eye(3), deuteranope, protanope):
        seen = np.clip(linear @ np.transpose(vision), 0, 1)
        at = np.cbrt(seen @ np.transpose(lms)) @ np.transpose(lab)
        found.append(np.linalg.norm(at[:, None] - at[None], axis=2))
    return np.min(found, axis=0)
