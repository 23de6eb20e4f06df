# require: autopep8
# entry: autopep8
# file: a.py = import os,sys\nx=1\n
# run: --aggressive a.py
# stdout: x = 1
