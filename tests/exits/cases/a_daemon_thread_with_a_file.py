# full
import threading
import time


def hold(ready):
    file = open("held.txt", "w")
    file.write("held by a thread")
    ready.set()
    time.sleep(60)


ready = threading.Event()
threading.Thread(target=hold, args=(ready,), daemon=True).start()
ready.wait()
