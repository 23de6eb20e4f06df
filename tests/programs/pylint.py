# require: pylint
# entry: pylint
# file: a.py = import os\n
# run: --exit-zero a.py
# stdout: unused-import
