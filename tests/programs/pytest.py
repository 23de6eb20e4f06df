# require: pytest
# entry: pytest
# file: test_a.py = import pytest\n@pytest.fixture\ndef two(): return 2\ndef test_two(two, tmp_path): assert two == 2\n
# run: -q -p no:cacheprovider
# stdout: 1 passed
