"""Extension modules of wheels: one alone, and one with libraries that lie beside it in the wheel. See ../../macos.sh."""

import io

import markupsafe._speedups
from PIL import Image, features

assert markupsafe._speedups.__file__.startswith("/~oxidize/app/"), markupsafe._speedups.__file__
assert markupsafe.escape("<a>") == "&lt;a&gt;"
image = Image.new("RGB", (16, 16), (10, 200, 30))
for form in ("PNG", "JPEG", "WEBP"):
    stream = io.BytesIO()
    image.save(stream, form)
    Image.open(io.BytesIO(stream.getvalue())).load()
assert features.check("freetype2")
print("ok")
