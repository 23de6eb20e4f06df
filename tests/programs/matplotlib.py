# require: matplotlib
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt

figure, axes = plt.subplots(); axes.plot([1, 2, 3]); axes.set_title("Title $x^2$"); figure.savefig("a.png"); figure.savefig("a.pdf"); figure.savefig("a.svg")
print("ok")
