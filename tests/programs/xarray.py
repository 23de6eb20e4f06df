# require: xarray netCDF4 zarr
import numpy as np, xarray as xr
data = xr.Dataset({"t": (("x", "y"), np.arange(6.0).reshape(2, 3))}, {"x": [10, 20]})
data.to_netcdf("a.nc")
data.to_zarr("a.zarr")
for again in (xr.open_dataset("a.nc"), xr.open_zarr("a.zarr")):
    assert again.t.sel(x=20).mean().item() == 4
print("ok")
