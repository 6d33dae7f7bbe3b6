"""How soon, how often, and with what the target is reached."""
