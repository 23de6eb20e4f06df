# full
import io


class Loud(io.FileIO):
    def close(self):
        if not self.closed:
            print("closing")
        super().close()


file = Loud("loud.bin", "w")
buffer = io.BufferedWriter(file)
buffer.write(b"data")
