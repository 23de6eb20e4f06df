# full
import dbm.dumb

database = dbm.dumb.open("dumb")
database["key"] = "value"
