# require: hypothesis
from hypothesis import given, strategies as st
@given(st.lists(st.integers()), st.emails())
def runs(numbers, address):
    assert sorted(sorted(numbers)) == sorted(numbers) and "@" in address
runs()
@given(st.integers())
def fails(number): assert number < 100
try:
    fails()
except AssertionError as error:
    assert "number=100" in "".join(error.__notes__), error.__notes__
else:
    raise SystemExit("not found")
print("ok")
