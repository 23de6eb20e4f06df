# require: pdm
# entry: pdm
# run: --version
# stdout: PDM
# file: pyproject.toml = [project]\nname = "x"\nversion = "1.0"\n
# run: show --name
# stdout: x
