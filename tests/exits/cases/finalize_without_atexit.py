# full
import atexit
import weakref


class Thing:
    pass


one = Thing()
weakref.finalize(one, print, "finalized")
atexit._clear()
