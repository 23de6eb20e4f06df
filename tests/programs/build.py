# require: build
# entry: pyproject-build
# run: --version
# stdout: build
