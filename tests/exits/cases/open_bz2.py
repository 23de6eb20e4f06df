# full
import bz2

file = bz2.open("data.bz2", "wt")
file.write("some text\n" * 1000)
other = bz2.open("binary.bz2", "wb")
other.write(b"bytes" * 1000)
