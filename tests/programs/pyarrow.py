# require: pyarrow
import pyarrow, pyarrow.parquet, pyarrow.compute
table = pyarrow.table({"a": [1, 2, 3]}); pyarrow.parquet.write_table(table, "a.parquet")
assert pyarrow.compute.sum(pyarrow.parquet.read_table("a.parquet")["a"]).as_py() == 6
print("ok")
