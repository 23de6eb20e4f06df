# full
import io

buffer = open("one.bin", "wb")
one = io.TextIOWrapper(buffer, write_through=False)
two = io.TextIOWrapper(buffer, write_through=False)
one.write("one ")
two.write("two ")
