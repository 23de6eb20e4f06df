# require: gevent
import gevent.monkey; gevent.monkey.patch_all()
import gevent, subprocess, socket
assert [g.get() for g in [gevent.spawn(lambda n=n: n * 2) for n in range(3)]] == [0, 2, 4]
assert subprocess.check_output(["echo", "x"]) == b"x\n"
print("ok")
