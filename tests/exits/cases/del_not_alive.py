# fast
class Ends:
    def __del__(self):
        print("ended")


Ends()
print("main ends")
