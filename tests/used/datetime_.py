import datetime, time

print(datetime.datetime.strptime("2026-11-26", "%Y-%m-%d"), time.strptime("12", "%H").tm_hour)
