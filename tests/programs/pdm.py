# require: pdm
# entry: pdm
# run: --version
# stdout: PDM
# run: config check_update
# stdout: True
