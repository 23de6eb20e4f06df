# require: esptool
# entry: esptool
# run: version
