# require: pygments
# musl
# entry: pygmentize
# file: a.py = x = 1\n
# run: -f html -O full a.py
# stdout: <html>
# run: -L styles
# stdout: monokai
