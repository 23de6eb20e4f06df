# require: geopandas fiona
"""Coordinates change by PROJ's database; a file is written and read by GDAL."""
import geopandas
from shapely.geometry import Point

circle = geopandas.GeoDataFrame({"a": [1]}, geometry=[Point(1, 2).buffer(1)], crs=4326).to_crs(3857)
circle.to_file("circle.gpkg")
assert 3.8e10 < geopandas.read_file("circle.gpkg").area[0] < 4e10
print("ok")
