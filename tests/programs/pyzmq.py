# require: pyzmq
import zmq

context = zmq.Context()
one, other = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
one.bind("inproc://x"); other.connect("inproc://x")
one.send(b"hi")
assert other.recv() == b"hi"
one.close(); other.close(); context.term()
print("ok")
