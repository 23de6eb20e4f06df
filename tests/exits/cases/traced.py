# full
import sys
import threading


class Ends:
    pass


sys.setprofile(lambda frame, event, argument: None)
