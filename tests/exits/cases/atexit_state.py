# fast
import atexit
import os
import sys
import threading


@atexit.register
def look():
    print(sys.is_finalizing(), sorted(sys.modules)[:2], atexit._ncallbacks() > 0)
    try:
        threading.Thread(target=print).start()
    except RuntimeError as error:
        print(error)
    try:
        os.fork()
    except Exception as error:
        print(type(error).__name__, error)
