"""The HTML report of every bundle in tests/incidents, opened in Chromium as a person opens it.

`make test` runs this after `cargo test`. By hand:

    WHY403=target/debug/why403 .venv/bin/pytest tests/pages
"""

import os
import subprocess
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).parents[2]
BUNDLES = sorted(path.parent for path in (REPOSITORY / "tests/incidents").glob("*/expect.json"))
WHY403 = os.environ.get("WHY403", str(REPOSITORY / "target/debug/why403"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")

# As narrow as a phone is, and as high as is seen of a page without scrolling.
PHONE = {"width": 320, "height": 640}

AXE = {"resultTypes": ["violations"]}
# A colour may fail in one scheme alone; what else axe finds does not depend on it.
AXE_IN_DARK = AXE | {"runOnly": ["color-contrast"]}


def replay(bundle, out, *more):
    command = [WHY403, "replay", str(bundle), "--quiet", "--format", "html", "--out", str(out), *more]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode in (0, 2), ended.stderr
    assert ended.stdout == ""
    return out


@pytest.fixture(scope="session")
def browser():
    # Without these, Chromium calls home when it starts.
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    # The sandbox of Chromium does not start for root, which is who runs tests in a container.
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet + root)
        yield browser
        browser.close()


class Opened:
    """A page in one colour scheme, and what the browser had to say about it."""

    def __init__(self, browser, scheme, **more):
        self.context = browser.new_context(color_scheme=scheme, viewport=PHONE, **more)
        self.page = self.context.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path):
        self.said.clear()
        self.asked.clear()
        self.page.goto(path.as_uri())
        # What is closed is looked at as well.
        self.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        return self.page

    def complaints(self, path):
        found = [f"console: {line}" for line in self.said]
        found += [f"asked for {url}" for url in self.asked if url != path.as_uri()]
        width = self.page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            found.append(f"{width} pixels wide")
        # The answer is on the first screen.
        below = self.page.evaluate("document.querySelector('h1').getBoundingClientRect().bottom")
        if below > PHONE["height"]:
            found.append(f"the verdict ends at {below:.0f} pixels")
        return found


def violations(page, options):
    result = Axe().run(page, options=options).response
    return [
        f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:120]}"
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_every_incident_is_a_page_that_anybody_can_read(browser, tmp_path):
    light, dark = Opened(browser, "light"), Opened(browser, "dark")
    found = []
    assert BUNDLES
    for bundle in BUNDLES:
        path = replay(bundle, tmp_path / f"{bundle.name}.html")
        for opened, options in ((light, AXE), (dark, AXE_IN_DARK)):
            page = opened.open(path)
            complaints = violations(page, options) + opened.complaints(path)
            found += [f"{bundle.name}: {complaint}" for complaint in complaints]
    assert not found, "\n".join(found)


def test_a_page_says_the_same_without_scripts_but_for_copying_and_looking_up(browser, tmp_path):
    path = replay(REPOSITORY / "events/incident", tmp_path / "page.html")
    text = "document.querySelector('main').innerText"
    with_script = Opened(browser, "light").open(path)
    assert with_script.locator("button", has_text="Copy").count() > 0
    with_script.evaluate("document.querySelectorAll('button, label, [role=status]').forEach(one => one.remove())")
    without = Opened(browser, "light", java_script_enabled=False)
    without.page.goto(path.as_uri())
    # A context without scripts cannot be asked to open what is closed, so it is read from the tree.
    words = lambda page: page.locator("main").text_content().split()
    assert words(without.page) == words(with_script)


def test_a_request_is_found_by_how_its_id_begins(browser, tmp_path):
    path = replay(REPOSITORY / "events/incident", tmp_path / "page.html")
    page = Opened(browser, "light").open(path)
    rows = page.locator("#requests tbody tr")
    first = rows.first.locator("td").first.text_content()
    page.get_by_label("Request id").fill(first[:12])
    shown = page.locator("#requests tbody tr:not([hidden])")
    assert 1 <= shown.count() < rows.count()
    assert shown.first.locator("td").first.text_content() == first


def test_a_link_opens_the_finding_that_it_leads_to(browser, tmp_path):
    path = replay(REPOSITORY / "events/incident", tmp_path / "page.html")
    opened = Opened(browser, "light", java_script_enabled=False)
    opened.page.goto(path.as_uri())
    last = opened.page.locator("#findings table.findings a").last
    target = opened.page.locator(last.get_attribute("href"))
    assert not target.is_visible()
    last.click()
    assert target.is_visible()


def test_the_picture_shows_what_the_table_counts(browser, tmp_path):
    path = replay(REPOSITORY / "events/incident", tmp_path / "page.html")
    page = Opened(browser, "light").open(path)
    table = page.locator("table", has=page.locator("tfoot"))
    numbers = [int(cell.replace(",", "")) for cell in table.locator("tfoot td").all_text_contents()]
    assert numbers[-1] == sum(numbers[:-1]) == 64
    bars = page.locator("figure svg[role=img] rect").count()
    cells = table.locator("tbody td.n:not(:last-child)").all_text_contents()
    assert bars == sum(cell != "0" for cell in cells)
