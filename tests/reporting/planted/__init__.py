"""Studies whose truth is known, taken through the report's whole analysis: do its intervals cover, are its claims true?

``plan`` is which cells there are and when they are evaluated, ``noise`` what chance does to them, ``curves`` and
``tables`` make of times and losses the tables of a study, ``truths`` are the studies, ``reading`` is where an
``Analysis`` holds what it claims, ``counting`` holds the claims against the truth, ``shares`` says how often they fail.
"""
