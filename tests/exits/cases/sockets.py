# full
import socket

one, two = socket.socketpair()
file = one.makefile("w")
file.write("x")
