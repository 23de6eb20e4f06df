import html, html.parser

html.parser.HTMLParser().feed("<p>&eacute;</p>")
print(html.unescape("&eacute;"))
