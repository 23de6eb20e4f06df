# full
import io


class Raw(io.RawIOBase):
    def writable(self):
        return True

    def write(self, data):
        with open("raw.bin", "ab") as file:
            return file.write(data)


buffer = io.BufferedWriter(Raw())
buffer.write(b"through python")
