# fast
import gc

gc.disable()
file = open("kept.txt", "w")
file.write("kept")
