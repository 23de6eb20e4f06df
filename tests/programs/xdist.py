# require: pytest pytest-xdist
# entry: pytest
# file: test_one.py = def test_one(): pass\ndef test_two(): pass\n
# run: -q -n 2
# stdout: 2 passed
