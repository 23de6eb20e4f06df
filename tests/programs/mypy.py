# require: mypy
# entry: mypy
# file: a.py = import os\nx: int = "a"\n
# run: --version
# stdout: mypy
# run: --no-error-summary --cache-dir=/dev/null -c x=1
