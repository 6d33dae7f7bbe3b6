"""What is kept of a study: the columns of its tables, what each means, and how their files are written and read.

The room that the training side and the reporting side share, so it knows neither torch nor figures.
"""
