# require: pip
# musl
# entry: pip
# run: --version
# stdout: pip
# run: list
# stdout: pip
# run: download --help
