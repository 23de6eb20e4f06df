# require: xgboost-cpu
"""A library of the wheel, opened by ctypes."""
import numpy as np
import xgboost

x = np.arange(100.0).reshape(50, 2)
model = xgboost.train({"max_depth": 2}, xgboost.DMatrix(x, label=x[:, 0] * 2), num_boost_round=3)
assert model.predict(xgboost.DMatrix(x)).shape == (50,)
print("ok")
