import io, xml.dom, xml.dom.minidom, xml.dom.pulldom, xml.etree.ElementTree, xml.sax, xml.sax.saxutils, xmlrpc.client

print(xml.dom.getDOMImplementation().hasFeature("core", "1.0"))
print(xml.dom.minidom.parseString("<a><b/></a>").toxml())
xml.sax.parse(io.StringIO("<a/>"), xml.sax.saxutils.XMLGenerator())
print()
print(xml.etree.ElementTree.fromstring("<a><b c='d'/></a>").find("b[@c='d']").attrib)
try:
    xml.etree.ElementTree.fromstring("<a>")
except xml.etree.ElementTree.ParseError as error:
    print(error)
print(xmlrpc.client.loads(xmlrpc.client.dumps((1,), "f")))
