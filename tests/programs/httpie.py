# require: httpie
# entry: http
# run: --offline --print=HB POST example.org a=1
# stdout: "a": "1"
# run: --version
