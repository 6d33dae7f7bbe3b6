"""What the machine decides: how a cell is computed, what it costs, and whether it fits.

Legend of the suffixes in this folder: S cells, B batch, I fan-in, O fan-out, N numbers of a cell in a row.
"""
