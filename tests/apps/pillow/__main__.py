"""Text drawn with a font needs two bundled libraries that need each other."""

from PIL import Image, ImageDraw, ImageFont, features

font = ImageFont.load_default(20)
image = Image.new("L", (200, 40))
ImageDraw.Draw(image).text((2, 2), "Häß fi", 255, font=font)
left, top, right, bottom = image.getbbox()
assert right - left > 30 and bottom - top > 10, image.getbbox()
print(type(font).__name__, features.check("raqm"))
