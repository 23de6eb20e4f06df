# require: opencv-python-headless
import cv2, numpy, os
image = numpy.zeros((40, 40, 3), numpy.uint8); cv2.circle(image, (20, 20), 9, (255, 0, 0), -1)
assert cv2.imwrite("a.png", image) and cv2.imread("a.png").shape == (40, 40, 3)
assert not cv2.CascadeClassifier(os.path.join(cv2.data.haarcascades, "haarcascade_frontalface_default.xml")).empty()
print("ok")
