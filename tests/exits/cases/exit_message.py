# fast
import sys

file = open("kept.txt", "w")
file.write("kept")
sys.exit("a message")
