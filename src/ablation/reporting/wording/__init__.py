"""How what was computed is said: the one place in which words are made of evidence."""
