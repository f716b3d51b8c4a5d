"""Pages that need nothing else: no network, no file beside them. And Snakemake's report."""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent

# The policy keeps the promise of the pages: nothing is loaded from anywhere, and no script runs
# but those whose hashes it names, whatever a caption or a name has in it.
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src $hashes; \
style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'">
<title>$title</title>
<style>
$style
</style>
</head>
<body>
<header><h1>$title</h1><button id="theme" type="button">Light / dark</button></header>
$body
$scripts
</body>
</html>
""")


# A script of Snakemake's report that is data: JSON, which has no line break
DATA = re.compile(r'(<script id="[\w-]+">\n *var \w+ = )(.*)')


def within_scripts(report):
    """Snakemake's report, the data in its scripts written so that none of it can end a script.

    It holds the params of all jobs, names of models among them, as JSON with bare "</script>".
    """
    return DATA.sub(lambda found: found[1] + found[2].replace("<", r"\u003c"), report)


def page(title, sections, *, style="", scripts=()):
    """A whole page.

    Parameters
    ----------
    title : str
    sections : iterable of str
        HTML; empty ones are left out.
    style : str
        CSS, beside page.css.
    scripts : iterable of str
        JavaScript, run in this order behind the sections.

    Returns
    -------
    str, HTML that loads nothing
    """
    scripts = [asset("page.js"), *scripts]
    return PAGE.substitute(
        title=escape(title),
        body="\n".join(filter(None, sections)),
        style=asset("page.css") + style,
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
        hashes=" ".join(map(_hash, scripts)),
    )


def asset(name):
    """A file of this folder that pages hold."""
    return (FOLDER / name).read_text(encoding="utf-8")


def _hash(script):
    """What the page's policy knows a script by."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
