# require: python-docx
import docx
document = docx.Document(); document.add_heading("Title"); document.save("a.docx")
assert docx.Document("a.docx").paragraphs[0].text == "Title"
print("ok")
