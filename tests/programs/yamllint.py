# require: yamllint
# entry: yamllint
# file: a.yaml = a:   1\n
# run: -d relaxed a.yaml
# stdout: colons
