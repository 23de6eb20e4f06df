import io, pdb

pdb.Pdb(stdin=io.StringIO("p 1 + 1\ncontinue\n"), stdout=(out := io.StringIO())).runeval("[].append(0)")
print("2" in out.getvalue())
