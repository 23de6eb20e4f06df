INNER = __name__
