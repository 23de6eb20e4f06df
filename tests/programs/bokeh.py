# require: bokeh
from bokeh.embed import file_html
from bokeh.plotting import figure
from bokeh.resources import INLINE
plot = figure(title="T")
plot.line([1, 2, 3], [4, 5, 6])
text = file_html(plot, INLINE, "title")
assert len(text) > 1_000_000 and "Bokeh" in text
print("ok")
