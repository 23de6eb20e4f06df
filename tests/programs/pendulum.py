# require: pendulum
import pendulum
moment = pendulum.datetime(2026, 3, 29, 1, 30, tz="Europe/Berlin")
assert moment.add(hours=1).offset_hours == 2, moment.add(hours=1)
assert pendulum.parse("2026-01-02T03:04:05+01:00").in_timezone("Asia/Tokyo").hour == 11
assert moment.subtract(days=3).diff_for_humans(moment, locale="en") == "3 days before"
print("ok")
