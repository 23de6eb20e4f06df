# require: ortools
from ortools.sat.python import cp_model
model = cp_model.CpModel()
x, y = (model.new_int_var(0, 10, name) for name in "xy")
model.add(x + 2 * y <= 14)
model.maximize(3 * x + 4 * y)
solver = cp_model.CpSolver()
assert solver.solve(model) == cp_model.OPTIMAL and solver.objective_value == 38
print("ok")
