# require: virtualenv
# entry: virtualenv
# run: --version
# stdout: virtualenv
