"""Pages in a real browser, from disk and without a network."""

import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

# Chromium's own connections, which no page asked for; and root needs --no-sandbox
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser():
    """Chromium, headless."""
    from playwright.sync_api import sync_playwright

    if not (chromium := shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("Chromium is not installed (on Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield launched
        launched.close()


@contextmanager
def opened(browser, path, *, width=1280, height=900, dark=False):
    """Open a page from disk; at the end it has asked for nothing, and its console holds no error.

    Yields
    ------
    playwright.sync_api.Page
    """
    context = browser.new_context(
        offline=True,
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    address, requests, problems = Path(path).absolute().as_uri(), [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type != "log" else None)
    try:
        page.goto(address)
        yield page
        inline = ("data:", "blob:")
        problems += [f"asked for {url}" for url in requests[1:] if not url.startswith(inline)]
        assert not problems, "\n".join(problems)
    finally:
        context.close()


def until(page, condition):
    """Wait for what JavaScript says; playwright's own waiting is what the page's policy forbids."""
    end = time.monotonic() + 60
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.05)
