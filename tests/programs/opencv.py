# require: opencv-python-headless
import cv2
import numpy

image = numpy.zeros((40, 40, 3), numpy.uint8)
cv2.circle(image, (20, 20), 9, (255, 0, 0), -1)
cv2.putText(image, "x", (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 0))
assert cv2.imwrite("a.png", image) and cv2.imread("a.png").shape == (40, 40, 3)
print("ok")
