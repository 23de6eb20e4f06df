# fast
import os
import sqlite3

closed = open("closed.txt", "w")
closed.write("x")
closed.close()
text = open("gone.txt", "w")
text.write("x")
os.remove("gone.txt")
connection = sqlite3.connect("data.db")
connection.execute("create table t (x)")
connection.close()
