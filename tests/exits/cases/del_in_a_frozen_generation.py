# full
import gc


class Ends:
    def __del__(self):
        print("ended")


ends = Ends()
gc.freeze()
