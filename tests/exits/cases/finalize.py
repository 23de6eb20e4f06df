# fast
import weakref


class Thing:
    pass


one, two, three = Thing(), Thing(), Thing()
weakref.finalize(one, print, "first")
weakref.finalize(two, print, "second")
weakref.finalize(three, print, "not at exit").atexit = False
