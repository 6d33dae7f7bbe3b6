"""What is trained on: sources, their checks, and the prepared file."""
