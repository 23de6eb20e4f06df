# require: folium
import folium
map = folium.Map([52.5, 13.4], zoom_start=10)
folium.Marker([52.5, 13.4], popup="here").add_to(map)
map.save("map.html")
assert "L.marker(" in open("map.html").read()
print("ok")
