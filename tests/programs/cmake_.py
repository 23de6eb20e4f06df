# require: cmake
# entry: cmake
# run: --version
# stdout: cmake version
