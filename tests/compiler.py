"""What only a machine with a C++ compiler can test."""

import pytest

from ablation.training.compiled.tracing import has_compiler

needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no C++ compiler on this machine")
