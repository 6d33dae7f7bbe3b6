"""What is predicted of a wide network before its first step, and whether the study's networks do it."""
