# full
class Ends:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("ended", self.name)


one = Ends("global")
two = Ends("cycle")
two.own = two
