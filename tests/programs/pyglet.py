# require: pyglet
import pyglet
pyglet.options.headless = True
from pyglet import image, math
picture = image.ImageData(2, 2, "RGBA", bytes(range(16)))
assert picture.get_data("RGB", 6) is not None and math.Vec2(3, 4).length() == 5
assert pyglet.font is not None and pyglet.resource.get_script_home()
print("ok")
