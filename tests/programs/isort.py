# require: isort
# musl
# entry: isort
# file: a.py = import sys\nimport os\n
# run: --diff a.py
# stdout: +import os
