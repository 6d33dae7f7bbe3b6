"""What became of the gradients: what trains at which depth, delta over depth, dead and saturated units."""
