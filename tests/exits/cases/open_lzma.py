# full
import lzma

file = lzma.open("data.lzma", "wt")
file.write("some text\n" * 1000)
other = lzma.open("binary.lzma", "wb")
other.write(b"bytes" * 1000)
