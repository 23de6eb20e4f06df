# fast
import socket

one, two = socket.socketpair()
one.send(b"x")
