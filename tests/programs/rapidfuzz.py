# require: rapidfuzz regex
import regex
from rapidfuzz import fuzz, process
assert process.extractOne("appel", ["apple", "pear"], scorer=fuzz.ratio)[0] == "apple"
assert regex.fullmatch(r"(?:cat){e<=1}", "cut") and regex.findall(r"\p{Greek}+", "a βγ") == ["βγ"]
print("ok")
