import sqlite3

base = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
base.executescript("create table t(a date); insert into t values ('2026-01-02');")
print(list(base.iterdump()), base.execute("select a from t").fetchone())
