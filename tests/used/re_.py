import re, sre_compile

print(re.compile("(?P<a>x+)", re.I).match("XX")["a"], sre_compile.__name__)
