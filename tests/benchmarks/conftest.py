"""The benchmarks import each other as scripts of one folder do."""

import sys

from tests.conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))
