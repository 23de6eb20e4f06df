# fast
def numbers():
    try:
        yield 1
    finally:
        print("not printed")


never_started = numbers()
finished = numbers()
list(finished)
