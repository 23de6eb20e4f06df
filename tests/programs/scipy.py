# require: scipy statsmodels scikit-image
import scipy.optimize
import statsmodels.api
from skimage import data, filters

found = scipy.optimize.minimize(lambda x: (x[0] - 3) ** 2, [0.0])
assert abs(found.x[0] - 3) < 1e-3
assert statsmodels.api.datasets.longley.load_pandas().data.shape == (16, 7)
assert 0 < filters.sobel(data.camera()).mean() < 1
print("ok")
