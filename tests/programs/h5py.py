# require: h5py
import h5py

with h5py.File("a.h5", "w") as file:
    file.create_dataset("x", data=[1, 2, 3], compression="gzip")
with h5py.File("a.h5") as file:
    assert file["x"][:].tolist() == [1, 2, 3]
print("ok")
