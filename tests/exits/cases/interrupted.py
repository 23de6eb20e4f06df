# fast
import atexit

atexit.register(print, "functions run")
file = open("kept.txt", "w")
file.write("kept")
raise KeyboardInterrupt
