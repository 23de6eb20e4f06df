# require: mitmproxy
# entry: mitmdump
# run: --version
# stdout: Mitmproxy
# run: --commands
# stdout: replay.client
