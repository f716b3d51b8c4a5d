"""The status page: every model and dataset, reasons, and nothing of the data as HTML."""

import polars as pl

from modelmap.figures.status import status_page
from modelmap.gather import STATUS

ROWS = [
    {"model": "a", "dataset": "x", "status": "ok", "seconds": 12.5, "peak_memory": 2 * 10**9},
    {"model": "a", "dataset": "y", "status": "not applicable", "reason": "takes no images"},
    {"model": "b", "dataset": "x", "status": "gated", "reason": "accept <script>terms</script>"},
    {"model": "b", "dataset": "y", "status": "ok", "reason": "renamed to c", "repo": "o/b"},
]


def test_everything_is_told_and_escaped():
    html = status_page(pl.DataFrame(ROWS, STATUS))
    assert "2 of 3 are ok." in html
    assert "accept &lt;script&gt;terms&lt;/script&gt;" in html
    assert "<script>terms" not in html
    assert "renamed to c" in html
    grid, remarks, costs, provenance = html.split("<h2>")[1:]
    assert "not applicable" in grid
    assert "takes no images" not in remarks + costs + provenance
    assert ">12.5<" in costs
    assert "o/b" in provenance
