# require: pgcli
# entry: pgcli
# run: --version
# stdout: Version
