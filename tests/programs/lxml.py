# require: lxml
import lxml.etree
import lxml.isoschematron

root = lxml.etree.fromstring("<a><b x='1'/></a>")
assert root.xpath("//b/@x") == ["1"]
schema = '<schema xmlns="http://purl.oclc.org/dsdl/schematron"><pattern><rule context="a"><assert test="b">b</assert></rule></pattern></schema>'
assert lxml.isoschematron.Schematron(lxml.etree.fromstring(schema)).validate(root)
print("ok")
