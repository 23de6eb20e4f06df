# fast
import threading

threading.Timer(0.02, print, ["timer"]).start()
print("main ends")
