# require: yapf
# entry: yapf
# file: a.py = x = {  'a':1,\n'b'  : 2}\n
# run: a.py
# stdout: x = {'a': 1, 'b': 2}
