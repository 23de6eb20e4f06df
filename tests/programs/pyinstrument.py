# require: pyinstrument
# entry: pyinstrument
# file: slow.py = import time\ndef busy():\n    end = time.time() + 0.2\n    while time.time() < end: sum(range(100))\nbusy()\n
# run: slow.py
# stdout: busy
