# unseen
import os
import signal
import sys

# A pipe that is full: the last flush waits until the alarm comes.
reader, writer = os.pipe()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, bytes(65536))
except BlockingIOError:
    pass
os.set_blocking(writer, True)
signal.signal(signal.SIGALRM, lambda *_: print("not printed", file=sys.stderr))
file = open(writer, "wb")
file.write(b"waits")
signal.setitimer(signal.ITIMER_REAL, 0.5)
