# require: PySide6-Essentials
"""A widget drawn offscreen: Qt's platform plugin is a library that Qt opens by its path."""
import os
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PySide6.QtCore import QLibraryInfo, QTimer
from PySide6.QtGui import QImageReader, QPixmap
from PySide6.QtWidgets import QApplication, QPushButton

application = QApplication([])
button = QPushButton("Press")
button.resize(120, 40)
button.show()
picture = button.grab()
assert picture.width() == 120 and picture.height() == 40
assert picture.save("button.png") and os.path.getsize("button.png") > 200
assert b"svg" in [bytes(f) for f in QImageReader.supportedImageFormats()], QImageReader.supportedImageFormats()
QTimer.singleShot(0, application.quit)
application.exec()
print("ok")
