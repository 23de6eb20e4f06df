# fast
import threading

local = threading.local()
local.file = open("local.txt", "w")
local.file.write("local")


def work():
    local.file = open("other.txt", "w")
    local.file.write("other")


thread = threading.Thread(target=work)
thread.start()
thread.join()
