# require: mutagen
import struct
import mutagen.wave, mutagen
with open("a.wav", "wb") as file:
    data = b"\0" * 8000
    file.write(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", len(data)) + data)
audio = mutagen.File("a.wav")
audio.add_tags()
audio.tags.add(mutagen.id3.TIT2(encoding=3, text=["Title"]))
audio.save()
assert str(mutagen.File("a.wav").tags["TIT2"]) == "Title" and mutagen.File("a.wav").info.length == 1
print("ok")
