# fast
import signal

signal.signal(signal.SIGTERM, lambda *_: print("not printed"))
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
file = open("kept.txt", "w")
file.write("kept")
