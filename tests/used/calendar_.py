import calendar, gettext, locale

print(calendar.month(2026, 11))
locale.setlocale(locale.LC_ALL, "C")
print(gettext.translation("none", fallback=True).gettext("text"))
