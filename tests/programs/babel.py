# require: babel
# musl
import babel.numbers, babel.dates, datetime
assert babel.numbers.format_currency(1234.5, "EUR", locale="de_DE") == "1.234,50\u00a0\u20ac"
assert babel.dates.format_date(datetime.date(2024, 1, 2), locale="fr") == "2 janv. 2024"
print("ok")
