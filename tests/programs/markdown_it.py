# require: markdown-it-py[plugins,linkify]
# entry: markdown-it
# file: a.md = # Head\n\n* one\n* two\n
# run: a.md
# stdout: <h1>Head</h1>
