# require: dulwich
# entry: dulwich
# file: a.txt = text\n
# run: init
# run: add a.txt
# run: status
# stdout: a.txt
