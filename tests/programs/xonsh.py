# require: xonsh
# entry: xonsh
# run: --no-rc -c print(len($(pwd))>1)
# stdout: True
