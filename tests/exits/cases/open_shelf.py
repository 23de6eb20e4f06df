# full
import dbm.dumb
import shelve

shelf = shelve.Shelf(dbm.dumb.open("shelf"), writeback=True)
shelf["list"] = [1]
shelf["list"].append(2)
