# require: pyproj
"""proj.db, read by the C code of the wheel."""
import pyproj

assert pyproj.datadir.get_data_dir().startswith(("/~oxidize", "/")), pyproj.datadir.get_data_dir()
transformer = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)
x, y = transformer.transform(10, 50)
assert round(x) == 1113195 and round(y) == 6446276, (x, y)
assert pyproj.CRS("EPSG:25832").name == "ETRS89 / UTM zone 32N"
print("ok")
