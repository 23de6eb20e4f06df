# QProcess starts sys.executable from C++.
import sys

from PySide6.QtCore import QCoreApplication, QProcess


def output(*arguments):
    process = QProcess()
    process.start(sys.executable, arguments)
    process.waitForFinished(60_000)
    return process.exitCode(), process.readAllStandardOutput().toStdString().strip()


if __name__ == "__main__":
    application = QCoreApplication(sys.argv)
    print(*output("-c", "import json; print(json.dumps(['python']))"))
    print(output("-m", "json.tool", "--help")[0])
