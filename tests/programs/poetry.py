# require: poetry
# entry: poetry
# file: pyproject.toml = [project]\nname = "x"\nversion = "1.0"\n
# run: --version
# stdout: Poetry
# run: check
