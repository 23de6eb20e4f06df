# require: black
# entry: black
# file: a.py = x  = { 'a':1 }\n
# run: -q --diff a.py
# stdout: +x = {"a": 1}
