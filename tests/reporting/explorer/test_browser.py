"""The explorer as a reader meets it, in headless Chromium: what is drawn, and how a choice is made, said and kept."""

import numpy as np
import pytest

from ablation.reporting.explorer.explorer import explorer
from ablation.reporting.findings.opening import opening
from ablation.reporting.page.page import render
from tests.reporting.explorer.independent import LAST, LEVELS, chosen, curve, layers
from tests.reporting.page.browser import chromium, complaints, needs_chromium, requests, visit
from tests.reporting.synthetic import Outcome

pytestmark = needs_chromium

DRAWN = "return document.getElementById(`explorer-${arguments[0]}`).plot.data.map(one => Array.from(one))"
PIXELS = """
const { plot } = document.getElementById(`explorer-${arguments[0]}`), { canvas } = plot.ctx;
const { data } = plot.ctx.getImageData(0, 0, canvas.width, canvas.height);
return arguments[1].map(([x, y]) => {
  const [left, top] = [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)].map(Math.round);
  return Array.from(data.slice(4 * (top * canvas.width + left), 4 * (top * canvas.width + left) + 4));
});
"""


@pytest.fixture(scope="module")
def driver():
    with chromium() as browser:
        browser.execute_cdp_cmd("Network.enable", {})
        nothing = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", nothing)
        yield browser


@pytest.fixture(scope="module")
def address(varied_analysis, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(
        render(varied_analysis, opening(varied_analysis), None, [], [], explorer=explorer(varied_analysis)), "utf-8"
    )
    return path


@pytest.fixture
def page(driver, address):
    """The page, opened without a network; whatever a test did, the console stayed silent and nothing was loaded."""
    opened(driver, address)
    yield driver
    assert complaints(driver) == []
    assert set(requests(driver)) <= {address.as_uri()}


def soon(page, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(page, 20).until(condition)


def opened(driver, address, hash="", **how):
    driver.get("about:blank")
    visit(driver, address, **how)
    if hash:
        driver.get("about:blank")
        driver.get(address.as_uri() + hash)
    soon(driver, lambda page: text(page, "status"))


def text(page, name):
    return page.find_element("id", f"explorer-{name}").text


def box(page, factor, value):
    return page.find_element("css selector", f"#explorer input[name={factor}][value='{value}']")


def picked(page):
    boxes = page.find_elements("css selector", "#explorer-picks input:checked")
    return [(one.get_attribute("name"), int(one.get_attribute("value"))) for one in boxes]


def press(page, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page).send_keys(*keys).perform()


def focus(page, name):
    page.execute_script("document.getElementById(`explorer-${arguments[0]}`).focus()", name)


def drawn(page, kind):
    """What stands in a chart's pixels: where along, and a mean, a high and a low end for each line."""
    xs, *rest = page.execute_script(DRAWN, kind)
    return xs, [np.array(rest[i : i + 3], dtype=float)[[0, 2, 1]] for i in range(0, len(rest), 3)]


def slide(page, step):
    page.execute_script(
        "const one = document.getElementById('explorer-step'); one.value = arguments[0];"
        "one.dispatchEvent(new Event('input')); one.dispatchEvent(new Event('change'))",
        step,
    )


def test_the_curves_that_are_drawn_are_those_of_the_files(page, varied_folder):
    box(page, "lr", 1).click()
    assert picked(page) == [("activation", 1), ("activation", 2), ("depth", 2), ("lr", 0), ("lr", 1)]
    lines = [(activation, lr) for activation in LEVELS["activation"] for lr in (None, 0.1)]
    for kind, column in (("score", "val_accuracy"), ("loss", "val_loss")):
        xs, found = drawn(page, kind)
        assert xs == list(range(7))
        for (activation, lr), shown in zip(lines, found, strict=True):
            np.testing.assert_allclose(
                shown, curve(varied_folder, chosen(varied_folder, activation, 5, lr), column), atol=2e-4
            )


def test_a_line_has_the_pixels_and_the_color_of_its_activation_in_the_figures(page, varied_folder):
    from ablation.reporting.figures.theme import ACTIVATION_COLORS

    box(page, "activation", 2).click()
    mean = curve(varied_folder, chosen(varied_folder, "tanh", 5, None), "val_accuracy")[0]
    color = [round(255 * part) for part in ACTIVATION_COLORS[2]]
    *along, beside = page.execute_script(PIXELS, "score", [*((at - 0.02, mean[at]) for at in (4, 5, 6)), (4.5, 0.3)])
    for pixel in along:
        assert pixel[:3] == pytest.approx(color, abs=40)
    assert beside[3] < 255


def test_the_slider_draws_the_layers_at_its_step(page, varied_folder):
    for place, step in ((0, 0), (9, LAST)):
        slide(page, place)
        assert text(page, "at") == f"step {step} (epoch {step / 8:g})"
        for line, activation in enumerate(LEVELS["activation"]):
            cells = chosen(varied_folder, activation, 5, None)
            xs, found = drawn(page, "delta")
            norms = np.log10(layers(varied_folder, cells, "delta_norm", step))
            middle = [sorted(own.dropna())[(own.notna().sum() - 1) // 2] for _, own in norms.iterrows()]
            assert xs == [1, 2, 3, 4, 5]
            np.testing.assert_allclose(found[line][0], middle, atol=0.011)
            _, found = drawn(page, "dead")
            shares = layers(varied_folder, cells, "dead_fraction", step).mean(axis=1)
            np.testing.assert_allclose(found[line][0], shares, atol=0.006)


def test_a_link_restores_the_choice_and_the_address_holds_it(page, address):
    box(page, "depth", 1).click()
    box(page, "activation", 1).click()
    slide(page, 4)
    before, drawn_before = picked(page), drawn(page, "delta")
    link = page.find_element("id", "explorer-link").get_attribute("href")
    assert page.current_url == link == address.as_uri() + "#explorer?activation=relu&depth=2,5&lr=best&step=8"
    page.find_element("id", "explorer-again").click()
    assert picked(page) != before
    opened(page, address, "#explorer?activation=relu&depth=2,5&lr=best&step=8")
    assert picked(page) == before
    assert text(page, "at") == "step 8 (epoch 1)"
    assert drawn(page, "delta")[0] == drawn_before[0]
    opened(page, address, "#explorer?activation=nobody&depth=%&step=7")
    assert picked(page) == [("activation", 1), ("activation", 2), ("depth", 2), ("lr", 0)]


def test_a_chart_is_followed_by_keyboard_and_tells_the_cell_and_its_command(page, varied_folder):
    from selenium.webdriver.common.keys import Keys

    box(page, "lr", 2).click()
    focus(page, "score")
    press(page, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    mean, low, high = curve(varied_folder, chosen(varied_folder, "tanh", 5, 1.0), "val_accuracy")[:, 2]
    said, command = text(page, "told").split("\n")
    assert said == (f"tanh, depth 5, lr 1. epoch 2: Validation accuracy {mean:.1%} [{low:.1%}, {high:.1%}], 4 cells.")
    assert command == "python pipelines/study.py study=single name=varied_picked activation=tanh depth=5 lr=1"
    press(page, Keys.ARROW_UP)
    rates = chosen(varied_folder, "tanh", 5, None)["lr"].value_counts()
    said, command = text(page, "told").split("\n")
    assert all(f"lr {rate:g} ({count})" in said for rate, count in rates.items())
    assert command.endswith("'lr=[0.1,1]'" if len(rates) == 2 else f"lr={rates.index[0]:g}")
    press(page, Keys.ESCAPE)
    assert text(page, "told") == ""


def test_the_pointer_over_a_line_tells_its_cell(page):
    place = page.execute_script(
        "const { plot } = document.getElementById('explorer-score'); plot.over.scrollIntoView({ block: 'center' });"
        "const box = plot.over.getBoundingClientRect();"
        "return [box.x + plot.valToPos(5, 'x'), box.y + plot.valToPos(plot.data[4][5], 'y')]"
    )
    for shift in (3, 0):
        page.execute_cdp_cmd(
            "Input.dispatchMouseEvent", {"type": "mouseMoved", "x": place[0] + shift, "y": place[1] + shift}
        )
    assert text(page, "told").startswith("relu, depth 5, best lr. epoch 5: Validation accuracy ")


def test_the_table_has_a_row_a_line_and_its_button_names_the_command(page, varied_folder):
    from selenium.webdriver.common.keys import Keys

    rows = page.find_elements("css selector", "#explorer-lines tbody tr")
    assert [row.find_element("css selector", "th").text for row in rows] == ["tanh", "relu"]
    cells = chosen(varied_folder, "relu", 5, None)
    mean, low, high = curve(varied_folder, cells, "val_accuracy")[:, -1]
    entries = [cell.text for cell in rows[1].find_elements("css selector", "td")]
    assert entries[:2] == ["4", str((cells["status"] == "diverged").sum())]
    assert entries[5] == f"{mean:.1%} [{low:.1%}, {high:.1%}]"
    button = rows[1].find_element("css selector", "button")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert "activation=relu depth=5" in text(page, "told")
    focus(page, "numbers-open")
    press(page, Keys.ENTER)
    tables = soon(page, lambda page: page.find_elements("css selector", "#explorer-numbers table"))
    assert [table.find_element("css selector", "caption").text.split(",")[0] for table in tables][:2] == [
        "Validation accuracy",
        "Validation loss",
    ]
    assert tables[0].find_elements("css selector", "tbody tr")[-1].text.endswith(entries[5])


def test_what_cannot_be_drawn_is_said(page):
    for value in (1, 2):
        box(page, "activation", value).click()
    assert text(page, "status") == "Pick at least one level of activation."
    assert page.find_elements("css selector", "#explorer-lines tbody tr") == []


def test_the_status_sums_up_what_is_drawn_for_who_does_not_see_it(page, varied_folder):
    status = page.find_element("id", "explorer-status")
    assert status.get_attribute("role") == "status"
    ends = {
        name: curve(varied_folder, chosen(varied_folder, name, 5, None), "val_accuracy")[0, -1]
        for name in ("tanh", "relu")
    }
    best, worst = sorted(ends, key=ends.get, reverse=True)
    assert status.text == (
        "2 lines, all with depth 5, best lr. "
        f"Final validation accuracy: {ends[best]:.1%} with {best}, down to {ends[worst]:.1%} with {worst}."
    )
    for one in page.find_elements("css selector", "#explorer input, #explorer .plot, #explorer button"):
        assert one.accessible_name


@pytest.mark.parametrize("width", [380, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_follows_the_scheme(scheme, width, page, address):
    opened(page, address, width=width, scheme=scheme)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script("return document.getElementById('explorer-score').plot.width") <= width
    filtered = page.execute_script("return getComputedStyle(document.querySelector('#explorer canvas')).filter")
    assert ("invert" in filtered) is (scheme == "dark")


def test_a_pinned_line_stays_in_front_when_the_step_changes(page):
    page.find_element("css selector", "#explorer-lines tbody tr:last-child button").click()
    slide(page, 3)
    faded = "return document.getElementById('explorer-delta').plot.series.map(one => one.alpha)"
    assert soon(page, lambda page: page.execute_script(faded)[1] < 1)
    assert page.execute_script(faded)[4] == 1


def test_hostile_names_are_text_and_survive_the_address(driver, analysed, tmp_path):
    names = ["<b>", "%", "a,b", "a&b=c", '"><img src=x>', "'", "best"]
    analysis = analysed({"activation": names, "lr": [0.1, 1.0]}, lambda _: Outcome())
    page = tmp_path / "index.html"
    page.write_text(render(analysis, opening(analysis), None, [], [], explorer=explorer(analysis)), "utf-8")
    opened(driver, page)
    box(driver, "activation", 1).click()
    rows = driver.find_elements("css selector", "#explorer-lines tbody th")
    assert [row.text for row in rows] == names[1:]
    before, hash = picked(driver), driver.current_url.partition("#")[2]
    opened(driver, page, f"#{hash}")
    assert picked(driver) == before
    assert driver.find_elements("css selector", "#explorer img, #explorer b") == []
    assert complaints(driver) == []


def test_without_scripts_the_section_says_that_the_figures_follow(driver, address):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get(address.as_uri())
        shown = driver.find_element("id", "explorer").text
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert shown == "Explorer\nThe explorer needs JavaScript; the figures follow below."
