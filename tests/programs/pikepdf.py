# require: pikepdf pdfplumber img2pdf qrcode pillow
import io
import img2pdf, pdfplumber, pikepdf, qrcode

image = io.BytesIO()
qrcode.make("words").save(image, "PNG")
document = img2pdf.convert(image.getvalue())
assert len(pikepdf.open(io.BytesIO(document)).pages) == 1
assert pdfplumber.open(io.BytesIO(document)).pages[0].width > 10
print("ok")
