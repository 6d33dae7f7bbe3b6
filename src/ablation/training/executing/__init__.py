"""How the parts of a training are executed: called as they are, or, on a GPU, captured once as graphs and replayed.

Legend of the suffixes in this folder: S cells of a cohort.
"""
