# require: rich
# musl
import rich.console, rich.table, rich.markdown, rich.syntax, io

console = rich.console.Console(file=io.StringIO(), width=60, force_terminal=True)
table = rich.table.Table("a", "b"); table.add_row("1", ":snake:")
console.print(table); console.print(rich.markdown.Markdown("# Title")); console.print(rich.syntax.Syntax("x = 1", "python"))
assert "Title" in console.file.getvalue()
print("ok")
