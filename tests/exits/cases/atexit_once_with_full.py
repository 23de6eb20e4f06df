# full
import atexit


class Ends:
    def __del__(self):
        print("ended")


ends = Ends()
atexit.register(print, "once")
atexit.register(print, "and once")
