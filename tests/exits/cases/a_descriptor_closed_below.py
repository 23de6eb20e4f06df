# full
import os

file = open("lost.txt", "w")
file.write("cannot be written")
os.close(file.fileno())
