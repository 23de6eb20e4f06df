# require: pycountry
# musl
import pycountry
assert pycountry.countries.get(alpha_2="DE").name == "Germany"
import gettext
assert gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=["de"]).gettext("Germany") == "Deutschland"
print("ok")
