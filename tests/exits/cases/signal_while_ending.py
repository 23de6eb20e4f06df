# fast
import atexit
import os
import signal

signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
atexit.register(os.kill, os.getpid(), signal.SIGUSR1)
