"""The page that tells a run, as HTML: chapters with sections, and where to find them."""

from html import escape
from typing import NamedTuple

from modelmap.figures.html import asset, page
from modelmap.figures.table import scripts


class Section(NamedTuple):
    """A part of a chapter."""

    id: str
    title: str
    html: str


class Chapter(NamedTuple):
    """A part of the page: what stands below its title, then its sections."""

    id: str
    title: str
    html: str
    sections: list


def report_page(title, chapters):
    """Make the page.

    Parameters
    ----------
    title : str
    chapters : list of Chapter

    Returns
    -------
    str, HTML that needs nothing else
    """
    chapters = [_with_sections(chapter) for chapter in chapters]
    body = [
        f"<div class=report>{_contents(chapters)}<main>",
        *(part for chapter in chapters for part in _parts(chapter)),
        "</main></div>",
    ]
    style = asset("table.css") + asset("report.css")
    return page(title, body, style=style, scripts=[*scripts(body), asset("report.js")])


def tabs(name, panels):
    """Panels (title, HTML) of which one is seen at a time; all of them in print.

    Made of radio buttons, so that they need no script and the arrow keys turn them.

    Parameters
    ----------
    name : str
        Of this set of tabs, within the page.
    """
    if len(panels) == 1:
        return panels[0][1]
    parts = [
        f'<input type=radio name="{name}" id="{name}-{i}"{" checked" * (i == 0)}>'
        f'<label for="{name}-{i}">{escape(title)}</label><div class=panel>{html}</div>'
        for i, (title, html) in enumerate(panels)
    ]
    return f"<div class=tabs>{''.join(parts)}</div>"


def folded(title, html):
    """What is seen when asked for, and in print."""
    return f"<details><summary>{escape(title)}</summary>{html}</details>"


def facts(pairs):
    """A few numbers in large type: (number, what it counts)."""
    cells = "".join(
        f"<div><b>{escape(str(number))}</b> {escape(what)}</div>" for number, what in pairs
    )
    return f"<div class=facts>{cells}</div>"


def _with_sections(chapter):
    """A chapter without its empty sections."""
    return chapter._replace(sections=[section for section in chapter.sections if section.html])


def _contents(chapters):
    """The table of contents."""
    items = []
    for chapter in chapters:
        inner = "".join(_entry(section) for section in chapter.sections)
        items.append(_entry(chapter, f"<ol>{inner}</ol>" if inner else ""))
    return (
        "<nav aria-label=Contents><details open><summary>Contents</summary>"
        f"<ol>{''.join(items)}</ol></details></nav>"
    )


def _entry(part, inner=""):
    return f'<li><a href="#{part.id}">{escape(part.title)}</a>{inner}</li>'


def _parts(chapter):
    """The HTML of a chapter, section by section."""
    yield f'<h2 id="{chapter.id}">{escape(chapter.title)}</h2>{chapter.html}'
    for section in chapter.sections:
        yield f'<h3 id="{section.id}">{escape(section.title)}</h3>{section.html}'
