# require: sqlglot
import sqlglot
assert sqlglot.transpile("SELECT EPOCH_MS(1)", read="duckdb", write="hive")[0] == "SELECT FROM_UNIXTIME(1 / POW(10, 3))"
tree = sqlglot.parse_one("SELECT a, b FROM t JOIN u USING (id) WHERE a > 1")
assert {table.name for table in tree.find_all(sqlglot.exp.Table)} == {"t", "u"}
print("ok")
