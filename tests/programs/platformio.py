# require: platformio
# entry: pio
# run: --version
# stdout: PlatformIO
