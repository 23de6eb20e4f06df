# fast
import atexit

atexit.register(print, "not printed")
atexit._clear()
