import xml.dom, xml.sax

print(xml.dom.getDOMImplementation("minidom").__class__.__name__, type(xml.sax.make_parser()).__name__)
