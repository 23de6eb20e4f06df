# require: pandas
import io
import pandas

frame = pandas.read_csv(io.StringIO("a,b\n1,2\n3,4\n"), parse_dates=False)
assert frame.groupby("a").b.sum().tolist() == [2, 4]
assert frame.describe().shape == (8, 2)
frame["t"] = pandas.to_datetime(["2024-01-01", "2024-06-01"]).tz_localize("Europe/Berlin")
assert str(frame.t.dt.tz) == "Europe/Berlin"
print("ok")
