# require: spacy
import spacy
document = spacy.blank("en")("This is one. That's two.")
assert len(document) == 8, list(document)
print("ok")
