# require: tree-sitter tree-sitter-python
import tree_sitter_python
from tree_sitter import Language, Parser
tree = Parser(Language(tree_sitter_python.language())).parse(b"def f(x): return x\n")
assert tree.root_node.children[0].child_by_field_name("name").text == b"f"
print("ok")
