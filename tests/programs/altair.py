# require: altair vl-convert-python pandas
import altair as alt, pandas as pd
chart = alt.Chart(pd.DataFrame({"a": [1, 2], "b": [3, 4]})).mark_bar().encode(x="a:O", y="b")
chart.save("a.svg")
assert "<svg" in open("a.svg").read()
print("ok")
