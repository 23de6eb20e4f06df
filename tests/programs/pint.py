# require: pint
import pint
units = pint.UnitRegistry()
assert round((60 * units.mile / units.hour).to("m/s").magnitude, 2) == 26.82
assert f"{units.Quantity('3 kg')!s}" == "3 kilogram"
print("ok")
