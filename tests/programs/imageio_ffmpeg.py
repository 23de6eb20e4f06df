# require: imageio-ffmpeg
import subprocess, imageio_ffmpeg
program = imageio_ffmpeg.get_ffmpeg_exe()
assert "ffmpeg version" in subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stdout
print("ok")
