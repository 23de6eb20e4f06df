# full
import warnings

warnings.simplefilter("default")
file = open("warned.txt", "w")
file.write("x")
