# require: conan
# entry: conan
# run: profile detect
# run: --version
# stdout: Conan
