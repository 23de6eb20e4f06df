# require: sqlite-utils
# entry: sqlite-utils
# file: rows.json = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
# run: insert a.db rows rows.json --pk id
# run: rows a.db rows --csv
# stdout: 2,b
