"""What became of the gradients: delta over depth, dead and saturated units."""
