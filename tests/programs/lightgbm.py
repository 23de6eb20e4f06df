# require: lightgbm scikit-learn
"""A model by ctypes; the library lies in the package."""
import numpy as np
import lightgbm

rng = np.random.default_rng(0)
x = rng.random((200, 4)); y = x[:, 0] > 0.5
model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(x, y)
assert (model.predict(x) == y).mean() > 0.9
print("ok")
