# require: astropy
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
import numpy as np
from astropy.utils import iers
iers.conf.auto_download = False
assert round((1 * u.pc).to(u.lyr).value, 2) == 3.26
assert Time("2026-01-01").jd == 2461041.5
assert SkyCoord(10 * u.deg, 20 * u.deg).galactic.l.deg > 100
fits.PrimaryHDU(np.arange(6).reshape(2, 3)).writeto("a.fits")
assert fits.getdata("a.fits").sum() == 15
print("ok")
