# require: sqlfluff
# entry: sqlfluff
# file: a.sql = SELECT 1\n
# run: lint --dialect ansi a.sql
