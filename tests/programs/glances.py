# require: glances
# entry: glances
# run: --version
# stdout: Glances
