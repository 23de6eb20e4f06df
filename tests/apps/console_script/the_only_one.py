# Without --entry and without __main__.py the single console script of a distribution is the entry.
# run: some words
# stdout: SOME WORDS
