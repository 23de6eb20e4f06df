# require: datasette
# entry: datasette
# run: --version
# stdout: datasette
# run: plugins --all
# stdout: datasette
