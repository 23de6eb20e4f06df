# full
import _interpreters

interpreter = _interpreters.create()
_interpreters.run_string(interpreter, "print('inside')")
