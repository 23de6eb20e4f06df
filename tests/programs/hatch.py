# require: hatch
# entry: hatch
# run: --version
# stdout: Hatch
# run: new demo
# stdout: pyproject.toml
