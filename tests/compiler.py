"""What only a machine with a C++ compiler can test."""

import pytest

from ablation.training.compiled.tracing import has_compiler
from ablation.training.native.building import compiler

needs_native = pytest.mark.skipif(compiler() is None, reason="no C++ compiler that is young enough")
needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no C++ compiler on this machine")
