# require: duckdb
import duckdb
assert duckdb.connect().execute("select 6*7").fetchone() == (42,)
print("ok")
