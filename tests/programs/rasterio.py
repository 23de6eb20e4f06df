# require: rasterio
"""GDAL and PROJ with their data directories."""
import numpy
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin

profile = dict(driver="GTiff", height=4, width=4, count=1, dtype="uint8", crs=CRS.from_epsg(25832), transform=from_origin(0, 4, 1, 1))
with rasterio.open("a.tif", "w", **profile) as target:
    target.write(numpy.ones((1, 4, 4), "uint8"))
with rasterio.open("a.tif") as source:
    assert source.crs.to_epsg() == 25832 and source.read().sum() == 16
print("ok")
