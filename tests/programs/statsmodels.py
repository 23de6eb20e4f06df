# require: statsmodels
import numpy as np, statsmodels.api as sm
x = np.arange(50.0)
fit = sm.OLS(3 * x + 2, sm.add_constant(x)).fit()
assert np.allclose(fit.params, [2, 3])
assert len(sm.datasets.longley.load_pandas().data) == 16
print("ok")
