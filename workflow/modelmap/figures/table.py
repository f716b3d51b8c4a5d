"""Tables of pages: HTML that stands by itself, and that scripts make sortable.

The scripts are DataTables, as itables brings it in one file. Its style sheet is left out: tables
look like the page they are in (table.css).
"""

import json
import re
from functools import cache
from html import escape
from importlib.resources import files

from modelmap.figures.html import asset, page

IN_HTML = 50  # rows; those behind them are data, and the page without scripts says so
MANY = 10  # rows; a page without a longer table is not worth 620 kB of scripts

# column of models -> what the column of their labels is called
LABELS = {"model": "label", "neighbor": "label_neighbor", "model_a": "label_a"}
LABELS |= {"model_b": "label_b"}


def page_of_tables(title, sections):
    """A page of sections with tables, which scripts make sortable where one of them is long."""
    sections = list(sections)
    return page(title, sections, style=asset("table.css"), scripts=scripts(sections))


def section(heading, text, frame):
    """A heading, a text (HTML), and a frame as a table."""
    shown = table(frame, heading) if frame.height else "<p>Nothing to show.</p>"
    return f"<h2>{heading}</h2><p>{text}</p>{shown}"


def table(frame, name):
    """A frame as an HTML table; numbers short, what comes from data escaped.

    Parameters
    ----------
    frame : DataFrame
    name : str
        What the table holds, for those who hear it, and the file that it is downloaded as.

    Returns
    -------
    str, HTML
    """
    kinds = ["number" if kind.is_numeric() else "text" for kind in frame.dtypes]
    head = "".join(
        f'<th class="{kind}">{escape(column)}</th>'
        for column, kind in zip(frame.columns, kinds, strict=True)
    )
    rows = "".join(_row(row, kinds) for row in frame.head(IN_HTML).iter_rows())
    return (
        f'<div class="wide"><table class="data" aria-label="{escape(name)}"><thead><tr>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table>{_rest(frame)}</div>"
    )


def labeled(frame, labels):
    """A table with a column of labels beside each of models, where any model has another label.

    Parameters
    ----------
    frame : DataFrame
    labels : dict of model to label, which may be missing
    """
    called = {model: label for model, label in labels.items() if label}
    for column, title in LABELS.items():
        if column in frame.columns:
            shown = frame[column].replace(called).alias(title)
            if (shown != frame[column]).any():
                frame = frame.clone().insert_column(frame.columns.index(column) + 1, shown)
    return frame


def scripts(sections):
    """What makes the tables of a page sortable; nothing where all are short.

    Returns
    -------
    list of str, JavaScript
    """
    longest = max((section.count("<tr>") - 1 for section in sections), default=0)
    return [_data_tables(), asset("table.js")] if longest > MANY else []


@cache
def _data_tables():
    """DataTables as a script: what the module exports by default becomes a name of the page.

    Raises
    ------
    ValueError
        If the module of another version of itables ends otherwise.
    """
    module = (files("itables") / "html/dt_bundle.js").read_text(encoding="utf-8")
    script, n = re.subn(
        r"\bexport\{[^{}]*?([\w$]+) as default[^{}]*\};", r"window.DataTable=\1;", module
    )
    if n != 1 or "</script" in script:
        raise ValueError(f"dt_bundle.js of itables: expected one export as default, found {n}")
    return f'(()=>{{"use strict";{script}\n}})();'


def _row(row, kinds):
    return f"<tr>{''.join(map(_cell, row, kinds))}</tr>"


def _cell(value, kind):
    """A cell; where what it shows is not all of the value, the value stands beside it."""
    shown, whole = _shown(value), _whole(value)
    data = f' data-value="{escape(whole)}"' if whole != shown else ""
    return f'<td class="{kind}"{data}>{escape(shown)}</td>'


def _rest(frame):
    """The rows behind those in the HTML, as [whole, shown] or, where both are the same, a text."""
    rest = frame.slice(IN_HTML)
    if not rest.height:
        return ""
    rows = [
        [
            shown if (shown := _shown(cell)) == (whole := _whole(cell)) else [whole, shown]
            for cell in row
        ]
        for row in rest.iter_rows()
    ]
    data = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")
    said = f"The first {IN_HTML} of {frame.height:,} rows."
    return f'<script type="application/json">{data}</script><p class="rest">{said}</p>'


def _whole(value):
    """A value as a table of tab-separated text has it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value):
    """A value as people read it."""
    if value is None:
        return "\u2013"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):  # three digits, or all before the point
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")
    if isinstance(value, int) and abs(value) >= 10_000:  # a year is none of these
        return f"{value:,}"
    return str(value)
