# require: visidata
# entry: visidata
# file: a.csv = a,b\n1,2\n
# run: -b a.csv -o out.json
