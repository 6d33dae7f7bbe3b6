"""Which cells a study has, where they run, and what is kept of them."""
