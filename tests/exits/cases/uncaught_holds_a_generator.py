# fast
def numbers():
    try:
        yield 1
        yield 2
    finally:
        print("cleaned up")


def use():
    for number in numbers():
        raise KeyError(number)


use()
