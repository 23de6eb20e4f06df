# require: rdkit
from rdkit import Chem
from rdkit.Chem import Descriptors, Draw
molecule = Chem.MolFromSmiles("CCO")
assert round(Descriptors.MolWt(molecule), 2) == 46.07
Draw.MolToFile(molecule, "a.png")
assert open("a.png", "rb").read(4) == b"\x89PNG"
print("ok")
