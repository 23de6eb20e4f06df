# full
import socket


class Loud(socket.socket):
    def __del__(self):
        print("socket ended")


loud = Loud()
