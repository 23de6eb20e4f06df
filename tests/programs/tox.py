# require: tox
# entry: tox
# file: tox.ini = [tox]\nenv_list = a\nskipsdist = true\n
# run: list
# stdout: a
