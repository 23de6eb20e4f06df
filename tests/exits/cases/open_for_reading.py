# fast
import io

one = open(__file__)
one.readline()
two = open(__file__, "rb")
two.read(3)
three = io.TextIOWrapper(io.BytesIO(b"x"))
four = io.StringIO("text")
