"""A package to be looked at."""

from . import sub

VALUE = 1
