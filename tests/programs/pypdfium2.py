# require: pypdfium2
import pypdfium2

document = pypdfium2.PdfDocument.new()
document.new_page(100, 50)
assert document[0].get_size() == (100, 50)
print("ok")
