# require: commitizen
# entry: cz
# run: version
# run: example
# stdout: fix
