# fast
import concurrent.futures
import time

pool = concurrent.futures.ThreadPoolExecutor(2)
futures = [pool.submit(lambda n: (time.sleep(0.01), print("task"), n), 0) for _ in range(4)]
