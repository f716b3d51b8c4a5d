"""Pages of tables that need nothing else: no network, no script. And Snakemake's report."""

import re
from html import escape
from string import Template

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.9rem; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: left; border-bottom: 1px solid #ddd; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
p { max-width: 44rem; }
</style>
<h1>$title</h1>
$body
</html>
""")


# A script of Snakemake's report that is data: JSON, which has no line break
DATA = re.compile(r'(<script id="[\w-]+">\n *var \w+ = )(.*)')


def within_scripts(report):
    """Snakemake's report, the data in its scripts written so that none of it can end a script.

    It holds the params of all jobs, names of models among them, as JSON with bare "</script>".
    """
    return DATA.sub(lambda found: found[1] + found[2].replace("<", r"\u003c"), report)


def page(title, sections):
    """A whole page of sections (str of HTML; empty ones are left out)."""
    return PAGE.substitute(title=escape(title), body="\n".join(filter(None, sections)))


def section(heading, text, frame):
    """A heading, a text (HTML), and a frame as a table."""
    shown = table(frame) if frame.height else "<p>Nothing to show.</p>"
    return f"<h2>{heading}</h2><p>{text}</p>{shown}"


def table(frame):
    """A frame as an HTML table; numbers short, what comes from data escaped."""
    kinds = ["number" if kind.is_numeric() else "text" for kind in frame.dtypes]
    head = _row("th", frame.columns, kinds)
    rows = [_row("td", [_shown(value) for value in row], kinds) for row in frame.iter_rows()]
    return f'<div class="wide"><table>{head}{"".join(rows)}</table></div>'


def _row(tag, cells, kinds):
    inner = "".join(
        f'<{tag} class="{kind}">{escape(cell)}</{tag}>'
        for cell, kind in zip(cells, kinds, strict=True)
    )
    return f"<tr>{inner}</tr>"


def _shown(value):
    if value is None:
        return "\u2013"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:,.2f}"
    return str(value)
