# require: docutils
# musl
# entry: docutils
# file: a.rst = Title\n=====\n\n*text*\n
# run: a.rst
# stdout: <em>text</em>
