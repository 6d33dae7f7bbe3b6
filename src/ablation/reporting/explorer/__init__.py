"""The page's explorer: pick levels of any factors and see their curves and gradients, offline."""
