# require: shapely
from shapely import Point, STRtree, box, from_wkt, unary_union
assert round(Point(0, 0).buffer(1).area, 1) == 3.1
assert unary_union([box(0, 0, 2, 2), box(1, 1, 3, 3)]).area == 7
assert list(STRtree([box(0, 0, 1, 1), box(5, 5, 6, 6)]).query(from_wkt("POINT (5.5 5.5)"))) == [1]
print("ok")
