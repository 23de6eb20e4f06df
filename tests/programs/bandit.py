# require: bandit
# entry: bandit
# file: a.py = assert True\n
# run: -q --exit-zero a.py
# stdout: assert_used
