# require: watchdog
import queue
from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer
seen = queue.Queue()
class Handler(FileSystemEventHandler):
    def on_created(self, event): seen.put(event.src_path)
observer = Observer()
observer.schedule(Handler(), ".")
observer.start()
open("new.txt", "w").close()
assert seen.get(timeout=10).endswith("new.txt")
observer.stop()
observer.join()
print("ok")
