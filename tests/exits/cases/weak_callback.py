# full
import weakref


class Thing:
    pass


thing = Thing()
reference = weakref.ref(thing, lambda reference: print("gone"))
