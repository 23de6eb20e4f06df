# require: PyQt6
import os
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PyQt6.QtWidgets import QApplication, QLabel

application = QApplication([])
label = QLabel("words")
label.resize(50, 20)
label.show()
assert label.grab().toImage().width() == 50
print("ok")
