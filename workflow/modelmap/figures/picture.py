"""Figures within a page, from the files that were drawn."""

import re
from base64 import b64encode
from html import escape
from io import BytesIO
from os.path import relpath
from pathlib import Path
from urllib.parse import quote

# A page holds a figure's SVG up to this size, which is sharp in print. Of a larger one (a thousand
# models) it holds the PNG as WebP, which is a third of it.
MOST_BYTES = 150_000
QUALITY = 85  # percent
BESIDE = ("svg", "pdf", "png", "tsv")


def picture(svg, *, title, page):
    """A figure as HTML: the image itself, its title, links to the files beside it.

    Parameters
    ----------
    svg : Path
        A PNG lies beside it, others may.
    title : str
        What the figure shows; also what stands for it where it is not seen.
    page : Path
        Where the page will lie, for links.

    Returns
    -------
    str, HTML
    """
    kind, data, width, height = _image(svg)
    source = f"data:image/{kind};base64,{b64encode(data).decode()}"
    image = f'<img src="{source}" width="{width}" height="{height}" alt="{escape(title)}">'
    return (
        f"<figure><div class=card>{image}</div><figcaption><b>{escape(title)}.</b> "
        f"{files_beside(svg, page)}</figcaption></figure>"
    )


def files_beside(path, page):
    """Links from a page to the files of one name, whatever their format."""
    found = [path.with_suffix(f".{ending}") for ending in BESIDE]
    links = [link(file, page, file.suffix[1:]) for file in found if file.exists()]
    return f"<span class=files>{' '.join(links)}</span>"


def link(path, page, text):
    """A link (HTML) from a page to a file beside it."""
    href = quote(Path(relpath(path, page.parent)).as_posix())
    return f'<a href="{href}">{escape(text)}</a>'


def _image(svg):
    """Kind, bytes, width and height (pixels of a page) of what a page holds of a figure."""
    data = svg.read_bytes()
    width, height = map(float, re.search(rb'viewBox="0 0 (\S+) (\S+)"', data).groups())  # points
    kind = "svg+xml"
    if len(data) > MOST_BYTES:
        kind, data = "webp", _webp(svg.with_suffix(".png"))
    return kind, data, round(width * 96 / 72), round(height * 96 / 72)


def _webp(png):
    from PIL import Image

    written = BytesIO()
    with Image.open(png) as image:
        image.convert("RGB").save(written, "WEBP", quality=QUALITY, method=2)
    return written.getvalue()
