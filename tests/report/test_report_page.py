"""The page that tells a run: whole, whatever is in the run, and quick with a thousand models."""

import json
import re
from pathlib import Path
from subprocess import run

import polars as pl
import pytest
from browser import opened
from html_page import Page
from playwright.sync_api import expect
from report_files import DISTANCES, METHODS, write_run

from modelmap import adjustment, gather, labels, predict, strata, structure, subsets, theory
from modelmap.report.methods import versions
from modelmap.report.overview import MapFacts, summary
from modelmap.report.pages import report
from modelmap.report.sections import read_table, read_tsv
from modelmap.validation import validate_config

ROOT = Path(__file__).parents[2]
GIVEN = {"models": "models.tsv", "datasets": {"planted": {"source": "scenes"}}}
SHOWN = {"gaps": True, "images": True, "texts": False, "information": ["images"]}
ONLY_TEXTS = {"gaps": False, "images": False, "texts": True, "information": ["prompt"]}
MAPS = {"d": MapFacts(3, 3, 40, 36, 18, DISTANCES, {"tsne": {}})}
NASTY = [
    "</script><img src=x onerror=alert(1)>",
    "<b>bold</b> & \"quoted\" 'too'",
    "日本語の視覚言語モデル",
    "a" + " very" * 14 + " long name",
    "{{ 7 * 7 }} {% if %} ${title} $title",
    "x" * 400,
]


def told(**changes):
    config = validate_config(GIVEN, [], ROOT / "workflow/schemas")
    config["benchmarks"]["table"] = "benchmarks.tsv"
    of = {"config": config, "methods": METHODS, "families": {}, "labels": {}}
    of |= {"zoo": False, "shown": SHOWN}
    return of | changes


def page_of(folder, names, *, changes=None, **how):
    """Write the page of a run to where it lies."""
    files = write_run(folder, names, **how)
    how = {"texts": ROOT / "workflow/report", "root": ROOT, "told": told(**changes or {})}
    files["page"].write_text(report(**files, **how), encoding="utf-8")
    return files["page"]


def test_names_add_nothing_but_text(tmp_path):
    nasty = Page(page_of(tmp_path / "a", NASTY, absent=["umap"]).read_text())
    harmless = [f"model {i}" for i in range(len(NASTY))]
    plain = Page(page_of(tmp_path / "b", harmless, absent=["umap"]).read_text())
    assert nasty.tags == plain.tags
    text = "".join(nasty.text)
    assert all(name in text for name in NASTY)
    assert f"too few models for {NASTY[0]}" in text


def test_a_page_made_twice_of_the_same_files_is_the_same(tmp_path):
    files = write_run(tmp_path, NASTY)
    how = {"texts": ROOT / "workflow/report", "root": ROOT, "told": told()}
    assert report(**files, **how) == report(**files, **how)


SCHEMAS = [gather.STATUS, structure.SUSPECTS, structure.RECIPES, structure.VARIANCE]
SCHEMAS += [labels.TOGETHER, strata.LOSSES, subsets.SCHEMA, adjustment.SCHEMA, theory.PAIRS]
SCHEMAS += [predict.SUMMARY, predict.PREDICTED, predict.LEAKAGE, predict.SAMPLES]


@pytest.mark.parametrize("schema", SCHEMAS, ids=list)
def test_names_that_look_like_numbers_stay_what_they_are(tmp_path, schema):
    some = {pl.String: ["007", "1e5"], pl.Float64: [0.5, 2.0], pl.Int64: [1, 20]}
    some |= {pl.Boolean: [True, False]}
    frame = pl.DataFrame({name: some[kind] for name, kind in schema.items()}, schema)
    frame.write_csv(tmp_path / "table.tsv", separator="\t")
    assert read_tsv(tmp_path / "table.tsv").equals(frame)


def test_models_called_like_numbers_are_called_that_on_the_page(tmp_path):
    html = page_of(tmp_path, ["007", "1e5", "30000"], absent=["umap"]).read_text()
    cells = set(re.findall("<td[^>]*>([^<]*)</td>", html))
    assert {"007", "1e5", "30000"} <= cells
    assert not cells & {"7.00", "100,000.00", "30,000", "7"}


def test_methods_tell_the_settings_that_hold(tmp_path):
    config = told()["config"]
    config["map"] |= {"clip": 0.02, "adjust": ["length"]}
    page = page_of(tmp_path, NASTY, changes={"config": config, "shown": ONLY_TEXTS})
    text = " ".join("".join(Page(page.read_text()).text).split())
    assert "entries below the 0.02 quantile of all entries are raised to it first" in text
    assert "projected off length of samples" in text
    assert "perplexity 4" in text
    assert "1 score by weights in bfloat16, attention sdpa, on cpu; 5 scores" in text
    assert "5 scores by weights in float32, attention sdpa, on cpu." in text
    assert "36 of 40 samples in 18 groups, 6 of 6 models" in text
    assert "as they were clipped; without what is projected off." in text
    assert "MDSnothing to set" in text  # what it found is no setting
    assert "{{" not in text.replace(NASTY[4], "")


IMAGES = ("behind image", "The image gap is", "an image that matters", "other images being shown")
TEXTS = ("behind its prompt", "l(x | c) − l(x)")


def test_of_texts_nothing_is_said_of_images(tmp_path):
    of = {"a": {}, "b": {"changes": {"shown": ONLY_TEXTS}, "image": False}}
    pages = [page_of(tmp_path / name, NASTY, **how).read_text() for name, how in of.items()]
    assert [[said in page for said in IMAGES] for page in pages] == [[True] * 4, [False] * 4]
    assert [[said in page for said in TEXTS] for page in pages] == [[False] * 2, [True] * 2]


def test_no_table_is_downloaded_by_the_name_of_another_file(tmp_path):
    html = page_of(tmp_path, NASTY).read_text()
    assert 'aria-label="how every model fared"' in html
    assert 'aria-label="status"' not in html


def test_models_are_told_by_label_wherever_one_is_called_otherwise(tmp_path):
    names = ["a", "b", "c"]
    pages = {
        label: page_of(tmp_path / label, names, changes={"labels": {"a": label, "b": "b"}})
        for label in ("a", "Called <A>")
    }
    plain, labels = (page.read_text() for page in pages.values())
    assert 'class="text">label' not in plain
    for section in ("status", "neighbors-planted", "models-planted", "suspects-planted"):
        shown = labels.split(f'<h3 id="{section}">')[1]
        assert "Called &lt;A&gt;" in shown.split("<h3")[0]


def test_a_dataset_may_be_called_0(tmp_path):
    ids = re.findall(r'id="([^"]*)"', page_of(tmp_path, NASTY, name="0").read_text())
    assert "map-0" in ids
    assert len(ids) == len(set(ids))


def test_parameters_of_embeddings_are_told_in_words(tmp_path):
    text = json.dumps({"metric": "euclidean", "learning_rate": 5 / 3, "n_noise_measured": 6})
    rows = {"method": ["tsne", "umap"], "parameters": [text, None]}
    pl.DataFrame(rows).write_csv(tmp_path / "embeddings.tsv", separator="\t")
    held = read_table(tmp_path / "embeddings.tsv")["parameters"]
    assert held.to_list() == ["metric euclidean, learning_rate 1.67, n_noise_measured 6", None]


@pytest.mark.parametrize(
    ("ok", "n", "said"),
    [(1, 1, "1 of 1 score is"), (1, 2, "1 of 2 scores is"), (4, 4, "4 of 4 scores are")],
)
def test_of_one_score_it_is_said_that_it_is(ok, n, said):
    status = [{"model": f"m{i}", "status": "ok" if i < ok else "gated"} for i in range(n)]
    status = pl.DataFrame(status).with_columns(dataset=pl.lit("d"), reason=None)
    html = summary(status, MAPS, families={}, zoo=False, files=[], page=Path("report.html")).html
    assert f"{said} ok." in html


def test_at_a_glance_counts_are_numbers():
    status = pl.DataFrame({"model": ["m"], "dataset": ["d"], "status": ["ok"], "reason": [None]})
    how = {"families": {}, "zoo": False, "files": [], "page": Path("report.html")}
    glance = summary(status, MAPS, **how).sections[0].html
    for column in ("models", "models left out", "samples", "samples left out", "groups"):
        assert f'<th class="number">{column}</th>' in glance


def test_a_run_of_subsets_says_nothing_of_making_them(tmp_path):
    whole = page_of(tmp_path / "a", NASTY).read_text()
    config = told()["config"]
    config["datasets"]["planted"]["subset"] = "chosen.parquet"
    subset = page_of(tmp_path / "b", NASTY, changes={"config": config}).read_text()
    said = ("on planted weighted, and so is the mean", 'id="m-subsets"')
    assert [[words in page for words in said] for page in (whole, subset)] == [
        [False, True],
        [True, False],
    ]


def test_of_log_likelihoods_of_others_nothing_is_said_of_weights(tmp_path):
    config = told()["config"]
    scored = page_of(tmp_path / "a", NASTY, changes={"config": config}).read_text()
    config["datasets"]["planted"]["source"] = "matrix"
    how = {"changes": {"config": config}, "scored": False}
    given = page_of(tmp_path / "b", NASTY, **how).read_text()
    of_ours = ("weights in", "passes a gate", "what rounding alone moves", "the measured noise")
    for page, ours in ((scored, True), (given, False)):
        assert [said in page for said in of_ours] == [ours] * 4
        assert ("computed by others" in page) != ours


def test_of_the_sheet_those_models_count_that_were_asked_for(tmp_path):
    families = {"a": "x", "b": "y", "c": None, "elsewhere": "z", "other": "zz"}
    page = page_of(tmp_path, ["a", "b", "c"], changes={"families": families})
    assert "3 models of 2 families on 1 dataset" in page.read_text()


def test_samples_count_once_and_where_there_are_models(tmp_path):
    with_models = MAPS["d"]
    maps = {"d": with_models, "d.pmi": with_models, "e": with_models._replace(models_kept=0)}
    status = pl.DataFrame([{"model": "m", "dataset": d, "status": "ok"} for d in "de"])
    status = status.with_columns(reason=None)
    page = tmp_path / "report.html"
    chapter = summary(status, maps, families={}, zoo=False, files=[], page=page)
    assert "<b>36</b> samples that count" in chapter.html


@pytest.mark.parametrize("zoo", [False, True])
def test_families_are_called_dialects_of_the_zoo_alone(tmp_path, zoo):
    page = page_of(tmp_path, NASTY, changes={"zoo": zoo})
    assert ("are dialects" in page.read_text()) == zoo


def test_every_citation_is_a_reference(tmp_path):
    page = page_of(tmp_path, NASTY).read_text()
    anchors = {part.split('"')[0] for part in page.split('href="#')[1:]}
    ids = {part.split('"')[0] for part in page.split('id="')[1:]}
    assert len([a for a in anchors if a.startswith("ref-")]) > 15
    assert anchors <= ids


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Number of models -> the page of a run."""
    folder = tmp_path_factory.mktemp("runs")
    names = NASTY + [f"m{i}" for i in range(1000)]
    return {n: page_of(folder / str(n), names[:n], benchmarks=n > 12) for n in (12, 1000)}


@pytest.mark.slow
@pytest.mark.parametrize("n", [12, 1000])
def test_a_page_is_small_and_ready_soon(browser, pages, n):
    assert pages[n].stat().st_size < 15e6
    assert ("image/webp" in pages[n].read_text()) == (n == 1000)
    with opened(browser, pages[n]) as page:
        page.wait_for_selector(".dt-container", timeout=60_000)  # the first tables are at work
        assert page.evaluate("performance.now()") < 5000
        assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
        images = page.locator("img")
        assert all(images.nth(i).get_attribute("alt") for i in range(images.count()))


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_nothing_leaves_the_window_and_the_contents_lead(browser, pages, width, height):
    with opened(browser, pages[12], width=width, height=height, dark=True) as page:
        page.wait_for_selector("[aria-current]", state="attached")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        contents = page.locator("nav details")
        assert contents.evaluate("(part) => part.open") == (width > 1000)
        if width < 1000:
            page.locator("nav summary").click()
        page.locator('nav a[href="#methods"]').click()
        expect(page.locator("nav a[aria-current]")).to_have_text("Methods")
        assert page.locator("h2#methods").is_visible()
        if width > 1000:  # the contents stay in view
            assert page.locator("nav summary").bounding_box()["y"] >= 0


@pytest.mark.slow
def test_a_thousand_models_are_searched_and_embeddings_turned_by_keys(browser, pages):
    with opened(browser, pages[1000]) as page:
        page.locator("#map-planted").scroll_into_view_if_needed()
        panels = page.locator("#map-planted ~ .tabs").first.locator("> .panel")
        assert [panels.nth(i).is_visible() for i in range(4)] == [True, False, False, False]
        page.locator("#map-planted ~ .tabs > input").first.focus()
        page.keyboard.press("ArrowRight")
        assert [panels.nth(i).is_visible() for i in range(4)] == [False, True, False, False]
        page.locator("#neighbors-planted").scroll_into_view_if_needed()
        near = page.locator("#neighbors-planted ~ .wide").first
        near.get_by_placeholder("Search").fill("m517")
        expect(near.locator(".dt-info")).to_contain_text("(of 3,000)")
        assert near.locator("tbody tr").count() < 10


@pytest.mark.slow
def test_in_print_all_is_there_on_white(browser, pages):
    with opened(browser, pages[1000], dark=True) as page:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") in (
            "rgb(255, 255, 255)",
            "rgba(0, 0, 0, 0)",
        )
        assert not page.locator("nav").is_visible()
        panels = page.locator(".panel")
        assert all(panels.nth(i).is_visible() for i in range(panels.count()))
        assert page.locator("details:not([open])").count() == 0
        assert page.get_by_text("The first 50 of 3,000 rows").count() == 1
        assert len(page.pdf()) > 100_000


def test_the_commit_is_told_where_the_workflow_is_a_repository(tmp_path):
    def said(root):
        return versions({"models": "m.tsv"}, root=root, files=[tmp_path / "file"]).html

    (tmp_path / "file").write_text("")
    assert "commit" not in said(tmp_path)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@x"]
    run([*git, "init", "-q"], check=True)
    run([*git, "add", "file"], check=True)
    run([*git, "commit", "-q", "-m", "x"], check=True)
    found = run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    assert f"at commit <code>{found[:12]}</code>" in said(tmp_path)
    (tmp_path / "file").write_text("changed")
    assert f"{found[:12]}-dirty" in said(tmp_path)
