# require: lark
# musl
from lark import Lark, Transformer
grammar = """
start: sum
?sum: product | sum "+" product -> add
?product: atom | product "*" atom -> multiply
?atom: NUMBER -> number | "(" sum ")"
%import common.NUMBER
%import common.WS
%ignore WS
"""
class Value(Transformer):
    def start(self, items): return items[0]
    def number(self, items): return int(items[0])
    def add(self, items): return items[0] + items[1]
    def multiply(self, items): return items[0] * items[1]
assert Value().transform(Lark(grammar).parse("2 * (3 + 4) + 1")) == 15
print("ok")
