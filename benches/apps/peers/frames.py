# requires: numpy pandas
"""Sums a column with pandas."""

import numpy
import pandas


def main():
    frame = pandas.DataFrame({"x": numpy.arange(10)})
    print("Hello", frame["x"].sum())


if __name__ == "__main__":
    main()
