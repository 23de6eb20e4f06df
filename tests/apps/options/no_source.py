# package: --entry no_source --no-source
# run:
# status: 1
# stdout: None
# stdout: no source
# stdout: contents
# stderr: Traceback (most recent call last):
# stderr:   File "/~oxidize/app/no_source.py", line 33, in <module>
# stderr:   File "/~oxidize/app/helper.py", line 6, in fail
# stderr: RuntimeError: on purpose

import inspect
import os
import sys

import helper

loader = helper.__loader__
app = os.path.join(sys.prefix, "app")
assert helper.__file__ == os.path.join(app, "helper.py")
print(loader.get_source("helper"))
try:
    inspect.getsource(helper)
except OSError:
    print("no source")
try:
    loader.get_data(helper.__file__)
except FileNotFoundError:
    pass
else:
    print("the source is in the tree")
print(loader.get_data(os.path.join(app, "data.txt")).decode().strip())
helper.fail()
