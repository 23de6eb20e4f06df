# require: polars
import polars
assert polars.DataFrame({"a": [1, 2]}).select(polars.col("a").sum()).item() == 3
print("ok")
