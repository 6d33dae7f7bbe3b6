"""What the machine decides: how a cell is computed, what it costs, and whether it fits."""
