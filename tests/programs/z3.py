# require: z3-solver
import z3
x, y = z3.Ints("x y")
solver = z3.Solver()
solver.add(x + y == 10, x - y == 4)
assert solver.check() == z3.sat and solver.model()[x].as_long() == 7
print("ok")
