# require: httpie
# entry: http
# run: --ignore-stdin --offline --print=HB POST example.org a=1
# stdout: "a": "1"
# run: --version
