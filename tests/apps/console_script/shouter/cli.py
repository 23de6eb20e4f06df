import sys


class Command:
    @staticmethod
    def main():
        print(" ".join(sys.argv[1:]).upper())
        return 0
