# package: --entry module
# run: a b
# stdout: __main__ '' module /~oxidize/app/module.py ['a', 'b']

import sys

print(__name__, repr(__package__), __spec__.name, __file__, sys.argv[1:])
