"""Whole training steps, probes and evaluations of a cell in machine code; ``docs/decisions/0011-native.md`` says why.

The passes of the networks are C++ (``network.h`` and what it includes). What a cell chooses, its activation, and
clipping, weight decay and step, is recorded as the function in Python does it (``tracing.py``) and written in C
(``writing.py``, ``rules.py``). ``form.py`` says which choices have such a form.

Legend of the suffixes in this folder: S cells, 1 an axis of length one.
"""
