# full
import sqlite3

connection = sqlite3.connect("data.db", isolation_level=None)
connection.execute("pragma journal_mode=wal")
connection.execute("create table t (x)")
cursor = connection.execute("insert into t values (1) returning x")
