# require: pip-tools
# entry: pip-compile
# run: --help
# stdout: requirements
