# require: ptpython
# entry: ptpython
# run: --version
# stdout: 3.
