# require: scikit-image
import numpy as np
from skimage import data, filters, io, measure
image = data.camera()
mask = image > filters.threshold_otsu(image)
assert image.shape == (512, 512) and measure.label(mask).max() > 5
io.imsave("a.png", image, check_contrast=False)
assert io.imread("a.png").shape == (512, 512)
print("ok")
