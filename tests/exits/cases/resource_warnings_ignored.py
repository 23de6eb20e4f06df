# fast
import warnings

warnings.simplefilter("ignore")
file = open("quiet.txt", "w")
file.write("x")
