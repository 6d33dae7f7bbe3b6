"""What is computed of a study's cells: times, intervals, summaries, health. It knows no table and no figure."""
