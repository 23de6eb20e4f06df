# package: --entry compressed --compress
# run:
# stdout: contents
# stdout: def fail():
# stdout: [1, 2]

import inspect
import json
import os
import sys

import helper

print(helper.__loader__.get_data(os.path.join(sys.prefix, "app", "data.txt")).decode().strip())
print(inspect.getsource(helper.fail).splitlines()[0])
print(json.loads("[1, 2]"))
