# require: dramatiq
import dramatiq
from dramatiq.brokers.stub import StubBroker
broker = StubBroker()
dramatiq.set_broker(broker)
got = []
@dramatiq.actor
def work(number): got.append(number * 2)
broker.emit_after("process_boot")
worker = dramatiq.Worker(broker, worker_timeout=100)
worker.start()
work.send(21)
broker.join(work.queue_name, timeout=10000)
worker.join()
worker.stop()
assert got == [42], got
print("ok")
