# require: xgboost-cpu
import numpy as np
import xgboost

x = np.arange(100.0).reshape(50, 2); y = x[:, 0] * 2
model = xgboost.XGBRegressor(n_estimators=3).fit(x, y)
assert model.predict(x).shape == (50,)
print("ok")
