# require: flake8
# musl
# entry: flake8
# file: a.py = import os\n
# run: --exit-zero a.py
# stdout: F401
