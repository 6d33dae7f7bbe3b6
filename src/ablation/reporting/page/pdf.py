"""``report.pdf``: the page on paper, printed by a headless Chromium.

It carries the date of its printing, so it is no output of a stage and is not kept in git.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ablation import UserError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 300
"""Seconds after which a browser that has not printed the page is ended."""


def print_page(folder: Path) -> Path:
    """Print the page of the report in ``folder`` beside it, as ``report.pdf``.

    Raises:
        UserError: there is no report, no browser, or the browser prints nothing.
    """
    page, target = folder / "index.html", folder / "report.pdf"
    if not page.is_file():
        raise UserError(f"{page}: missing; make the report first (python pipelines/report.py name={folder.name})")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise UserError("chromium: not found; it prints the page (on Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "report.pdf"
        command = [browser, "--headless", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={name}/profile"]
        if os.geteuid() == 0:  # its sandbox refuses to run as root
            command.append("--no-sandbox")
        command += ["--no-pdf-header-footer", f"--print-to-pdf={made}", page.resolve().as_uri()]
        try:
            subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise UserError(f"{browser}: has not printed {page} within {PATIENCE} seconds") from None
        if not made.is_file():
            raise UserError(f"{browser}: printed nothing of {page}")
        shutil.move(made, target)
    return target


def main() -> None:
    """Print the report in the folder that the command line names; the file's path, or one line of error."""
    try:
        print(print_page(Path(sys.argv[1])))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
