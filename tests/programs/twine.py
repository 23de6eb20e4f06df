# require: twine
# entry: twine
# run: --version
# stdout: twine
