# require: plotly
import plotly.graph_objects as go
html = go.Figure(go.Bar(y=[1, 2])).to_html()
assert "plotly" in html and len(html) > 1000000
print("ok")
