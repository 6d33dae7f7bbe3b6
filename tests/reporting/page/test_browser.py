"""The page as a reader meets it, in headless Chromium: its tables, figures, colors and sizes, and nothing else."""

import pandas as pd
import pytest

from ablation.records.files import read_results
from ablation.reporting.analysis import analyse
from ablation.reporting.figures import draw, drawings
from ablation.reporting.findings.opening import Number, Opening
from ablation.reporting.options import Options
from ablation.reporting.page.page import Chapter, picture, render
from ablation.reporting.tables import builders
from ablation.reporting.tables.table import Table
from tests.reporting.page.browser import chromium, complaints, needs_chromium, requests, visit
from tests.reporting.synthetic import Outcome, write_study

pytestmark = needs_chromium

HOSTILE = ["<script>alert(1)</script>", "%", "_", "a|b", "$x^2$", "=1+1", "y" * 200, "{{ 7*7 }}", '"><img src=x>']
NUMBERS = pd.DataFrame(
    {
        "activation": ["relu", "leaky_relu", "elu", "tanh", "relu", "a b"],
        "depth": [2, 2, 20, 10, 20, 2],
        "median_epochs": [3.0, 1.5, float("inf"), float("nan"), 10.0, 2.0],
    }
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages of the hostile study: every table, two figures drawn, and one table whose numbers the tests know."""
    folder = tmp_path_factory.mktemp("pages")
    levels = {"activation": HOSTILE, "init": HOSTILE[:3], "normalization": ["_", "none"], "depth": [2, 5]}
    results = write_study(folder / "in", levels, lambda _: Outcome(), name=HOSTILE[0])
    analysis = analyse(read_results(results), Options())
    pictures = []
    for drawing in drawings()[1:3]:
        view = drawing.show(analysis)
        pictures.append(
            picture(analysis.design.in_units(drawing.TOPIC), view, draw(drawing, view, analysis.design).files["png"])
        )
    known = Table("known", "Known", "Six rows.", NUMBERS)
    chapter = Chapter("convergence", "Convergence", pictures, [known, *(build(analysis) for build in builders())])
    first = Opening(HOSTILE[1], [*HOSTILE[2:4], "1.5 [1, 2]"], [Number(HOSTILE[0], "cells")] * 4, *HOSTILE[4:6])
    (folder / "index.html").write_text(render(analysis, first, None, [*HOSTILE], [chapter]), "utf-8")
    return folder / "index.html"


@pytest.fixture(scope="module")
def driver():
    with chromium() as browser:
        yield browser


UNFOLD = "for (const fold of document.querySelectorAll('details.fold')) fold.open = true"


@pytest.fixture
def page(driver, pages):
    """The page, opened and unfolded; whatever a test did, the console stayed silent and only the page was loaded."""
    visit(driver, pages)
    driver.execute_script(UNFOLD)
    yield driver
    assert complaints(driver) == []
    assert requests(driver) in ([pages.as_uri()], [])


def column(page, place):
    rows = "[...document.querySelectorAll('[aria-labelledby=table-known] tbody tr')].filter(row => !row.hidden)"
    return page.execute_script(f"return {rows}.map(row => row.cells[{place}].textContent)")


def head(page, place):
    from selenium.webdriver.support.ui import WebDriverWait

    def button(page):
        """The page's script makes them, on a busy machine a moment after the page is there."""
        return page.find_elements("css selector", "section[aria-labelledby=table-known] th button")[place:]

    return WebDriverWait(page, 20).until(button)[0]


def status(page):
    return page.find_element("css selector", "section[aria-labelledby=table-known] [role=status]").text


def focused(page):
    return page.execute_script("return document.activeElement.id || document.activeElement.className")


def press(page, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page).send_keys(*keys).perform()


def test_nothing_is_loaded_or_complained_of_and_hostile_names_are_text(driver, pages):
    visit(driver, pages)
    assert complaints(driver) == []
    assert requests(driver) == [pages.as_uri()]
    driver.execute_script(UNFOLD)
    text = driver.find_element("css selector", "main").text
    for name in HOSTILE:
        assert name in text
    assert driver.find_element("css selector", "h1").text == HOSTILE[0]
    assert driver.execute_script("return document.scripts.length") == 1
    assert driver.execute_script("return document.querySelectorAll('img').length") == 3  # the viewer's own is one
    assert driver.execute_script("return window.alert.toString()").endswith("{ [native code] }")


def test_the_policy_refuses_what_escaping_would_have_missed(driver, pages):
    visit(driver, pages)
    driver.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.broken = 1'; document.body.append(s);"
        "const i = new Image(); i.src = 'https://example.invalid/x.png'; document.body.append(i);"
    )
    assert driver.execute_script("return window.broken === undefined")
    assert any("Content Security Policy" in text for text in complaints(driver))


def test_a_table_sorts_by_numbers_and_by_text_from_the_keyboard(page):
    from selenium.webdriver.common.keys import Keys

    page.execute_script("arguments[0].focus()", head(page, 2))
    press(page, Keys.ENTER)
    assert column(page, 2) == ["1.5", "2", "3", "10", ">6", ""]
    assert head(page, 2).find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    assert status(page) == "6 rows, sorted by median_epochs, ascending"
    press(page, Keys.SPACE)
    assert column(page, 2) == ["10", "3", "2", "1.5", ">6", ""]
    assert status(page) == "6 rows, sorted by median_epochs, descending"
    head(page, 0).click()
    assert column(page, 0) == ["a b", "elu", "leaky_relu", "relu", "relu", "tanh"]
    assert page.execute_script("return document.querySelectorAll('th[aria-sort]').length") == 1
    head(page, 1).click()
    assert column(page, 1) == ["2", "2", "2", "10", "20", "20"]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("relu", ["relu", "leaky_relu", "relu"]),
        ("activation=relu", ["relu", "relu"]),
        ("RELU depth=20", ["relu"]),
        ("median_epochs<3", ["leaky_relu", "a b"]),
        ("median_epochs>=10", ["elu", "relu"]),
        ('activation="a b"', ["a b"]),
        ("=1+1", []),
        ("", ["relu", "leaky_relu", "elu", "tanh", "relu", "a b"]),
    ],
)
def test_a_table_filters_by_words_and_conditions(query, left, page):
    field = page.find_element("id", "filter-known")
    assert field.accessible_name == "Filter the rows of Known"
    field.send_keys(query)
    assert column(page, 0) == left
    assert status(page) == (f"{len(left)} of 6 rows" if len(left) < 6 else "6 rows")


def test_a_figure_enlarges_and_closes_from_the_keyboard_and_gives_the_focus_back(page):
    from selenium.webdriver.common.keys import Keys

    button = page.find_elements("css selector", ".enlarge")[1]
    page.execute_script("arguments[0].focus()", button)
    press(page, Keys.ENTER)
    viewer = page.find_element("id", "viewer")
    assert viewer.get_attribute("open")
    assert viewer.aria_role == "dialog"
    assert viewer.accessible_name == "Success as a function of epochs"
    assert focused(page) == "viewer-close"
    image = viewer.find_element("css selector", "img")
    assert image.get_attribute("alt") == page.find_elements("css selector", "figure img")[1].get_attribute("alt")
    assert page.execute_script("return arguments[0].naturalWidth", image) > 500
    press(page, Keys.ESCAPE)
    assert not viewer.get_attribute("open")
    assert page.execute_script("return document.activeElement === arguments[0]", button)
    page.find_elements("css selector", "figure img")[0].click()
    assert viewer.get_attribute("open")
    page.find_element("id", "viewer-close").click()
    assert not viewer.get_attribute("open")


WIDE = """
return [...document.querySelectorAll("body *")].filter(one =>
  one.getBoundingClientRect().right > window.innerWidth + 1 && one.checkVisibility()
  && !one.parentElement.closest(".scroll, pre, .unseen, nav")).map(one => one.outerHTML.slice(0, 200))
"""


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("width", [380, 1400])
def test_nothing_reaches_beyond_the_window(width, folded, page, pages):
    visit(page, pages, width)
    if not folded:
        page.execute_script(UNFOLD)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script(WIDE) == []


CONTRAST = """
const channels = color => color.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
const behind = one => { for (; one; one = one.parentElement) {
  const back = channels(getComputedStyle(one).backgroundColor); if (back.length < 4 || back[3] > 0) return back; } };
const low = [];
for (const one of document.querySelectorAll("body *")) {
  const own = [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  if (!own || !one.checkVisibility() || one.tagName === "SCRIPT") continue;
  const [a, b] = [light(channels(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
  if ((a + .05) / (b + .05) < 4.5) low.push([one.tagName, one.textContent.slice(0, 40), (a + .05) / (b + .05)]);
}
return [low, light(behind(document.querySelector("main")))];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_in_dark(scheme, page, pages):
    visit(page, pages, 1400, scheme)
    page.execute_script(UNFOLD)
    head(page, 1).click()
    low, ground = page.execute_script(CONTRAST)
    assert low == []
    assert ground < 0.05 if scheme == "dark" else ground > 0.9
    filtered = page.execute_script("return getComputedStyle(document.querySelector('figure img')).filter")
    assert ("invert" in filtered) is (scheme == "dark")


def test_the_skip_link_comes_first_and_leads_to_the_summary(page):
    from selenium.webdriver.common.keys import Keys

    press(page, Keys.TAB)
    assert focused(page) == "skip"
    press(page, Keys.ENTER)
    assert focused(page) == "main"


def test_a_link_unfolds_what_it_leads_to_and_a_fold_opens_from_the_keyboard(driver, pages):
    from selenium.webdriver.common.keys import Keys

    visit(driver, pages)
    table = driver.find_element("css selector", "section[aria-labelledby=table-known] table")
    assert not table.is_displayed()
    driver.find_element("css selector", "nav a[href='#table-known']").click()
    assert table.is_displayed()
    assert driver.execute_script("return document.querySelectorAll('details[open]').length") == 1
    visit(driver, pages)
    summary = driver.find_elements("css selector", ".fold > summary")[1]
    driver.execute_script("arguments[0].focus()", summary)
    press(driver, Keys.ENTER)
    assert driver.find_elements("css selector", "figure img")[0].is_displayed()
    driver.get(f"{pages.as_uri()}#table-known")
    assert driver.find_element("css selector", "section[aria-labelledby=table-known] table").is_displayed()


def test_the_first_screen_is_one_screen(driver, pages):
    visit(driver, pages)
    assert driver.execute_script("return document.querySelector('.fold').getBoundingClientRect().bottom") < 900
    assert driver.execute_script("return document.querySelector('.first dl').children.length") == 4


def test_on_paper_all_is_unfolded(driver, pages):
    visit(driver, pages)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    table = driver.find_element("css selector", "section[aria-labelledby=table-known] table")
    height = "return arguments[0].getBoundingClientRect().height"
    assert driver.execute_script(height, table) > 50
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    driver.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert driver.execute_script("return document.querySelectorAll('details.fold:not([open])').length") == 0
    driver.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert driver.execute_script("return document.querySelectorAll('details.fold[open]').length") == 0


def test_on_paper_there_are_no_buttons_and_long_tables_end(page):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return [...document.querySelectorAll(arguments[0])].filter(one => one.checkVisibility()).length"
    assert page.execute_script(shown, ".enlarge, .tools, nav, .skip, dialog") == 0
    long = page.execute_script("return Math.max(...[...document.querySelectorAll('tbody')].map(b => b.rows.length))")
    assert long > 60
    assert page.execute_script(shown, "section.data:has(.paper) tbody tr") % 60 == 0
    assert page.execute_script(shown, ".paper") >= 1
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
