# require: jax[cpu]
import jax
import jax.numpy

assert jax.jit(lambda matrix: (matrix @ matrix).sum())(jax.numpy.ones((3, 3))) == 27
print("ok")
