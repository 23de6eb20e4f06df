# require: scikit-learn
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
x, y = load_iris(return_X_y=True)
assert RandomForestClassifier(n_jobs=2, random_state=0).fit(x, y).score(x, y) > 0.95
from joblib import Parallel, delayed
import math
assert Parallel(n_jobs=2)(delayed(math.factorial)(n) for n in (3, 4)) == [6, 24]
print("ok")
