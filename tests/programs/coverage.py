# require: coverage
# entry: coverage
# file: a.py = x = 1\n
# run: run a.py
# run: html
# run: report
# stdout: a.py
