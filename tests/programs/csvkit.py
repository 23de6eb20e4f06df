# require: csvkit
# entry: csvstat
# file: a.csv = a,b\n1,2\n3,4\n
# run: a.csv
# stdout: Row count: 2
