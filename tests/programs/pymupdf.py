# require: pymupdf
import pymupdf

document = pymupdf.open()
page = document.new_page()
page.insert_text((72, 72), "Packaged", fontname="helv")
assert page.get_text().strip() == "Packaged"
assert len(document.tobytes()) > 500 and page.get_pixmap().width > 100
print("ok")
