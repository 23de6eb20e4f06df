# full
import weakref


class Thing:
    def method(self):
        pass


thing = Thing()
reference = weakref.WeakMethod(thing.method, lambda reference: print("method gone"))
