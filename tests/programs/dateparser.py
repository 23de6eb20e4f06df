# require: dateparser phonenumbers
import dateparser, phonenumbers
from phonenumbers import geocoder, timezone
assert dateparser.parse("3. März 2026, 14:05", languages=["de"]).isoformat() == "2026-03-03T14:05:00"
assert dateparser.parse("12 août 2026").month == 8
number = phonenumbers.parse("+493012345678")
assert geocoder.description_for_number(number, "en") == "Berlin"
print("ok")
