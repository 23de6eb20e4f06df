# full
import dbm.sqlite3

database = dbm.sqlite3.open("data.db", "c")
database["key"] = "value"
