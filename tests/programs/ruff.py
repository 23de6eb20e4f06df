# require: ruff
# entry: ruff
# file: a.py = import os\n
# run: check --isolated --exit-zero a.py
# stdout: F401
# run: --version
# stdout: ruff 
