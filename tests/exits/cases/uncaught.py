# fast
file = open("kept.txt", "w")
file.write("kept")
raise ValueError("uncaught")
