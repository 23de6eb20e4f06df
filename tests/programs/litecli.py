# require: litecli
# entry: litecli
# run: --version
