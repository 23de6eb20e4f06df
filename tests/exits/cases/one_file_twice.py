# full
one = open("both.txt", "a")
two = open("both.txt", "a")
one.write("first\n")
two.write("second\n")
