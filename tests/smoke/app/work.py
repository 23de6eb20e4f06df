# A module of its own: what a pool calls must be importable in the children.


def square(number):
    return number * number
