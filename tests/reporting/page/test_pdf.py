"""The page on paper: printed by Chromium, or one line that says what is missing."""

import re

import pytest

from ablation import UserError
from ablation.reporting.page import pdf
from ablation.reporting.page.pdf import main, print_page
from tests.reporting.page.browser import needs_chromium


@pytest.fixture
def report(tmp_path):
    rows = "".join(f"<p>{i}</p>" for i in range(200))
    (tmp_path / "index.html").write_text(f"<!doctype html><title>A report</title>{rows}", "utf-8")
    return tmp_path


@needs_chromium
def test_the_page_becomes_a_pdf_of_several_pages(report):
    content = print_page(report).read_bytes()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) > 1
    assert sorted(path.name for path in report.iterdir()) == ["index.html", "report.pdf"]


def test_without_chromium_it_is_one_line(report, monkeypatch, capsys):
    monkeypatch.setattr(pdf, "BROWSERS", ("no-such-browser",))
    monkeypatch.setattr("sys.argv", ["pdf", str(report)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert (
        capsys.readouterr().err
        == "error: chromium: not found; it prints the page (on Debian: apt-get install chromium)\n"
    )


def test_without_a_page_it_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"mine/index\.html: missing; make the report first \(.*name=mine\)"):
        print_page(tmp_path / "mine")


def test_a_browser_that_prints_nothing_is_one_line(report, monkeypatch):
    monkeypatch.setattr(pdf, "BROWSERS", ("true",))
    with pytest.raises(UserError, match="printed nothing"):
        print_page(report)
