# require: reportlab
from reportlab.pdfgen import canvas
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
page = canvas.Canvas("a.pdf"); page.setFont("Vera", 12); page.drawString(10, 10, "hi"); page.save()
print("ok")
