# require: sympy
# musl
import sympy
x = sympy.symbols("x"); assert sympy.integrate(2 * x, x) == x**2
print("ok")
