# full
import gzip

text = gzip.open("text.gz", "wt")
text.write("some text\n" * 1000)
binary = gzip.GzipFile("binary.gz", "wb", mtime=0)
binary.write(b"bytes" * 1000)
