# fast
import csv
import pickle

file = open("rows.csv", "w", newline="")
writer = csv.writer(file)
writer.writerow([1, "two"])
pickler = pickle.Pickler(open("data.pickle", "wb"))
pickler.dump([1, 2, 3])
