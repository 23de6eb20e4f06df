# require: nltk
from nltk.stem import PorterStemmer
from nltk.tokenize import wordpunct_tokenize
assert PorterStemmer().stem("running") == "run" and wordpunct_tokenize("a b.") == ["a", "b", "."]
print("ok")
