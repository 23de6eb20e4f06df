# full
class Late:
    pass


late = Late()
Late.__del__ = lambda self: print("ended")
