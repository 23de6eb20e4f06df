# full
class Small:
    __slots__ = ()

    def __del__(self):
        print("ended")


small = Small()
