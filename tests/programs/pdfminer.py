# require: pdfminer.six fpdf2 pypdf
import io
import fpdf, pypdf
from pdfminer.high_level import extract_text
document = fpdf.FPDF()
document.add_page()
document.set_font("helvetica", size=20)
document.cell(text="Hello words")
data = bytes(document.output())
assert "Hello words" in extract_text(io.BytesIO(data))
writer = pypdf.PdfWriter(io.BytesIO(data))
writer.encrypt("secret", algorithm="RC4-128")
writer.write("b.pdf")
assert "Hello" in pypdf.PdfReader("b.pdf", password="secret").pages[0].extract_text()
print("ok")
