import pydoc

pydoc.pager = lambda text, *_: print(len(text))
pydoc.Helper().showtopic("LAMBDAS")
print(pydoc.render_doc("json.dumps", renderer=pydoc.plaintext).splitlines()[0])
