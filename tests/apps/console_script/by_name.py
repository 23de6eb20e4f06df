# package: --entry shout
# run: some words
# stdout: SOME WORDS
