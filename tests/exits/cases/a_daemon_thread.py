# full
import threading
import time

threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
file = open("kept.txt", "w")
file.write("kept")
