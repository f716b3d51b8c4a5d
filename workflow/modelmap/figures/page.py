"""The map as one page that needs no network: to search, color, compare and follow models."""

from html import escape
from string import Template

from plotly.offline import get_plotlyjs

from modelmap.figures.html import asset, page
from modelmap.figures.page_data import as_json

SCRIPTS = ("state", "plot", "names", "legend", "panel", "controls")

READ = Template("""<p class="lead">${points}Choose a model to see its nearest, and the samples on
which it differs most from them.</p>""")

CONTROLS = """<form id="controls" role="search" autocomplete="off">
<div class="search"><input id="search" type="search" role="combobox" aria-expanded="false"
 aria-controls="matches" aria-autocomplete="list" aria-label="Search a model or family"
 placeholder="Search a model  ( / )"><ul id="matches" role="listbox" hidden></ul></div>
<label>Color <select id="color"></select></label>
<fieldset id="embeddings"><legend>Embedding</legend></fieldset>
<fieldset id="layers"><legend>Shown</legend></fieldset>
</form>"""

# On a narrow screen one below the other
STAGE = """<main>
<section id="legend" aria-label="Legend"></section>
<figure>
<div class="frame">
<div id="map" tabindex="0" role="application" aria-label="The map. Arrow keys lead to the next model
 in that direction, plus and minus zoom, 0 shows all, Escape clears the choice."></div>
<div id="names" aria-hidden="true"></div>
<div id="zoom"><button type="button" aria-label="Zoom in" title="Zoom in ( + )">+</button><button
 type="button" aria-label="Zoom out" title="Zoom out ( - )">\u2212</button><button type="button"
 aria-label="Show all" title="Show all ( 0 )">\u2922</button></div>
</div>
<figcaption id="note"></figcaption>
</figure>
<aside id="panel" tabindex="-1" aria-label="The chosen model"></aside>
</main>
<p id="said" role="status" class="unseen"></p>
<details id="list"><summary></summary></details>"""

DATA = Template('<script type="application/json" id="data">$data</script>')


def map_page(data, *, title):
    """Make the interactive map.

    Parameters
    ----------
    data : dict
        As `page_data.page_data` returns it.
    title : str

    Returns
    -------
    str
        HTML of about 5 MB, plotly.js included.
    """
    absent = [_absence(**e) for e in data["embeddings"] if "reason" in e]
    points = f"Each point is a model: near ones {data['notes']['near']}. "
    if len(absent) == len(data["embeddings"]):
        points = ""
        absent.insert(0, "There is no embedding to show.")
    why = "".join(f'<p class="absent">{escape(line)}</p>' for line in absent)
    read = READ.substitute(points=escape(points))
    sections = [read, why, CONTROLS, STAGE, DATA.substitute(data=as_json(data))]
    scripts = [get_plotlyjs(), *(asset(f"explorer/{name}.js") for name in SCRIPTS)]
    return page(title, sections, style=asset("explorer/page.css"), scripts=scripts)


def _absence(name, reason):
    return reason if reason.startswith(name) else f"{name}: {reason}"
