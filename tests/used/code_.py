import code, codeop

console = code.InteractiveConsole({"answer": 42})
print(console.push("print(answer)"), codeop.compile_command("x = 1") is not None)
