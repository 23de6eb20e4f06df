# require: ipython
# entry: ipython
# run: --no-banner --colors=NoColor -c print(6*7)
# stdout: 42
