# fast
import atexit

atexit.register(print, "early")
atexit._run_exitfuncs()
atexit.register(print, "late")
