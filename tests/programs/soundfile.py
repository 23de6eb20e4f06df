# require: soundfile
"""libsndfile of the wheel, opened by cffi."""
import numpy
import soundfile

soundfile.write("a.flac", numpy.zeros(1000), 8000)
assert soundfile.info("a.flac").frames == 1000
print("ok")
