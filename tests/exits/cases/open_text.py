# fast
import sys

one = open("one.txt", "w", encoding="utf-16")
one.write("ünïcode\n" * 3000)
two = open("two.txt", "a", newline="\r\n")
print("line", file=two)
three = open("three.txt", "w+", buffering=1)
three.write("a line\nand a part")
three.seek(2)
three.write("XY")
sys.stdout.write("no end of line")
