# require: meson
# entry: meson
# run: --version
