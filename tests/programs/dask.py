# require: dask[array] distributed
import dask.array

assert dask.array.ones((100, 100), chunks=10).sum().compute(scheduler="threads") == 10000
if __name__ == "__main__":
    assert dask.array.ones((100, 100), chunks=50).sum().compute(scheduler="processes", num_workers=2) == 10000
    print("ok")
