# require: apscheduler<4 sqlalchemy
import threading
from apscheduler.schedulers.background import BackgroundScheduler
done = threading.Event()
def work(): done.set()
scheduler = BackgroundScheduler()
scheduler.add_jobstore("sqlalchemy", url="sqlite:///jobs.db")
if __name__ == "__main__":
    scheduler.start()
    scheduler.add_job(work)
    assert done.wait(10)
    scheduler.shutdown()
print("ok")
