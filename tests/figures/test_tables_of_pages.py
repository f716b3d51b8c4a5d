"""Tables of pages: whole without scripts; sorted, searched and downloaded with them."""

import json
import re

import polars as pl
import pytest
from browser import opened
from playwright.sync_api import expect

from modelmap.figures import table as tables
from modelmap.figures.table import page_of_tables, section

NAMES = [
    '<b>bold</b> & "quoted"',
    "日本語の視覚言語モデル",
    "</script><!--",
    "tab\tand\nline",
    "'x'",
]


def frame(n):
    """n rows with what is hard: names, tiny and huge numbers, nothing at all, truth."""
    value = [(-1) ** i * 1.23456789 * 10.0 ** (i % 9 - 5) if i % 7 else None for i in range(n)]
    return pl.DataFrame(
        {
            "model": [NAMES[i] if i < len(NAMES) else f"m{i}" for i in range(n)],
            "value": pl.Series(value, dtype=pl.Float64),
            "count": pl.Series(range(n), dtype=pl.Int64),
            "ok": [i % 2 == 0 for i in range(n)],
        }
    )


def written(tmp_path, n):
    path = tmp_path / "page.html"
    path.write_text(page_of_tables("Tables", [section("All of them", "", frame(n))]))
    return path


def test_rows_behind_the_first_are_data_that_ends_no_script():
    html = tables.table(frame(80).reverse(), "x")
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', html, re.S)
    rows = json.loads(data)
    assert len(rows) == 80 - tables.IN_HTML
    assert [row[0] for row in rows[-5:]] == NAMES[::-1]
    assert html.count("<tr>") == tables.IN_HTML + 1
    assert f"The first {tables.IN_HTML} of 80 rows" in html


def test_numbers_are_shown_to_three_digits_and_whole_ones_in_full():
    shown = [1.0, 0.0, 0.999, 0.5, -9.996, 99.96, 5396.65, 1e-7, float("nan")]
    said = ["1.00", "0.00", "0.999", "0.500", "-10.0", "100", "5,397", "1.00e-07", "nan"]
    assert [tables._shown(value) for value in shown] == said


def test_only_a_page_with_a_long_table_holds_the_scripts(tmp_path):
    assert written(tmp_path, tables.MANY).stat().st_size < 20_000
    assert written(tmp_path, tables.MANY + 1).stat().st_size > 500_000


def test_another_version_of_the_bundle_is_told(monkeypatch):
    tables._data_tables.cache_clear()
    monkeypatch.setattr(tables, "files", lambda _: OtherBundle())
    with pytest.raises(ValueError, match="expected one export as default, found 0"):
        tables._data_tables()


class OtherBundle:
    def __truediv__(self, _):
        return self

    def read_text(self, encoding):
        return "module.exports = 1;"


@pytest.mark.slow
def test_a_table_sorts_numbers_finds_rows_and_is_downloaded_in_full_precision(browser, tmp_path):
    with opened(browser, written(tmp_path, 400)) as page:
        page.wait_for_selector(".dt-container")
        assert page.locator("tbody tr").count() == 25
        assert page.locator("tbody td").first.text_content() == NAMES[0]
        head = page.locator(".dt-column-order").nth(1)
        head.focus()
        page.keyboard.press("Enter")  # ascending
        page.keyboard.press("Enter")  # descending
        largest = frame(400)["value"].max()
        assert page.locator("tbody tr td").nth(1).text_content() == tables._shown(largest)
        page.get_by_placeholder("Search").fill("m39")
        expect(page.locator("tbody tr")).to_have_count(11)
        page.get_by_placeholder("Search").fill("")
        head = page.locator(".dt-column-order").nth(2)
        head.focus()
        page.keyboard.press("Enter")
        with page.expect_download() as download:
            page.get_by_role("button", name="TSV").click()
        path = tmp_path / "got.tsv"
        download.value.save_as(path)
    assert download.value.suggested_filename == "All_of_them.tsv"
    schema = frame(1).schema
    assert pl.read_csv(path, separator="\t", schema=schema).equals(frame(400))


@pytest.mark.slow
def test_scripts_show_what_stands_in_the_page_without_them(browser, tmp_path):
    path = written(tmp_path, 45)
    cells = "[...document.querySelectorAll('td')].map((cell) => cell.textContent)"
    with opened(browser, path) as page:
        page.wait_for_selector(".dt-container")
        with_scripts = page.evaluate(cells)
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("tbody tr").count() == 45
    shown = page.locator("td").all_text_contents()
    context.close()
    assert with_scripts == shown
