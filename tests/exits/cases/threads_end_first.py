# fast
import threading
import time


def work():
    time.sleep(0.05)
    print("worked")


threading.Thread(target=work).start()
threading._register_atexit(print, "registered with threading")
print("main ends")
