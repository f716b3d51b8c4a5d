"""What all pages promise, in a browser."""

import pytest
from browser import opened

from modelmap.figures.html import page

HOSTILE = "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"


def see(browser, path):
    with opened(browser, path) as shown:
        assert shown.evaluate("document.body.dataset.ran") == "yes"
        assert shown.title() == "A page"


@pytest.mark.slow
def test_no_script_runs_but_the_pages_own(browser, tmp_path):
    """Even where a string of the data had gone in without being escaped."""
    path = tmp_path / "page.html"
    path.write_text(page("A page", [HOSTILE], scripts=["document.body.dataset.ran = 'yes'"]))
    with pytest.raises(AssertionError, match="Content Security Policy"):
        see(browser, path)


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_a_page_is_light_or_dark_as_the_system_is_until_the_button_is_pressed(
    browser, tmp_path, dark
):
    path = tmp_path / "page.html"
    path.write_text(page("A page", ["<p>Text</p>"]))
    is_dark = "getComputedStyle(document.body).backgroundColor !== 'rgb(255, 255, 255)'"
    with opened(browser, path, dark=dark) as shown:
        assert shown.evaluate(is_dark) == dark
        shown.keyboard.press("Tab")
        shown.keyboard.press("Enter")
        assert shown.evaluate(is_dark) != dark
        shown.emulate_media(media="print")
        assert not shown.evaluate(is_dark)
