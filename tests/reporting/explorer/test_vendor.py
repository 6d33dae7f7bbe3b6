"""What lies in ``vendor`` is what its README says was published."""

import hashlib
import re
from importlib.resources import files

VENDOR = files("ablation.reporting.explorer").joinpath("vendor")


def test_every_file_has_its_checksum():
    told = dict(
        re.findall(r"^ {4}([0-9a-f]{64})  (\S+)$", VENDOR.joinpath("README.md").read_text("utf-8"), re.MULTILINE)
    )
    there = {
        hashlib.sha256(path.read_bytes()).hexdigest(): path.name
        for path in VENDOR.iterdir()
        if path.name != "README.md"
    }
    assert told == there
