# require: beautifulsoup4 html5lib
# musl
from bs4 import BeautifulSoup
text = "<p class=a>one<p>two<table><td>three"
for parser in ("html.parser", "html5lib"):
    soup = BeautifulSoup(text, parser)
    assert soup.select_one("p.a").text.startswith("one") and soup.find("td").text == "three", parser
print("ok")
