# require: ninja
# entry: ninja
# file: build.ninja = rule touch\n  command = touch $out\nbuild made: touch\n
# run: -v
# stdout: touch made
