# require: pygame-ce moviepy
"""A font that lies in the package, and a film by the ffmpeg that does."""
import os
os.environ["SDL_VIDEODRIVER"] = os.environ["SDL_AUDIODRIVER"] = "dummy"
import pygame
from moviepy import ColorClip

pygame.init()
assert pygame.font.Font(None, 20).render("words", True, (1, 2, 3)).get_width() > 10
ColorClip((32, 32), (1, 2, 3), duration=0.2).write_videofile("film.mp4", fps=5, logger=None)
assert os.path.getsize("film.mp4") > 0
print("ok")
