# require: numba
import numba
@numba.njit(cache=False)
def add(n):
    t = 0
    for i in range(n): t += i
    return t
assert add(10) == 45
print("ok")
