# fast
full = open("/dev/full", "w")
full.write("does not fit")
other = open("other.txt", "w")
other.write("fits")
