import codecs
from encodings.aliases import aliases

kinds = set()
for name in sorted(set(aliases.values())):
    try:
        kinds.add(codecs.lookup(name).name)
    except LookupError as error:
        print(error)
print(len(kinds), "bücher.example".encode("idna"))
