# require: duckdb
import duckdb
assert duckdb.sql("select 6*7").fetchone() == (42,)
print("ok")
