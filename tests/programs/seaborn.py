# require: seaborn
import matplotlib
matplotlib.use("Agg")
import pandas as pd, seaborn as sns
axes = sns.boxplot(pd.DataFrame({"a": list("xxyy"), "b": [1, 2, 3, 4]}), x="a", y="b")
axes.figure.savefig("a.png")
assert open("a.png", "rb").read(4) == b"\x89PNG"
print("ok")
