# require: pexpect psutil
import sys
import pexpect, psutil
child = pexpect.spawn(sys.executable, ["-c", "print(input('name? ')[::-1])"], encoding="utf-8", timeout=20)
child.expect("name\\? ")
assert psutil.pid_exists(child.pid) and psutil.Process().memory_info().rss > 0
child.sendline("abc")
child.expect("cba")
print("ok")
