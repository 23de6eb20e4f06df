# require: distributed
from distributed import Client

if __name__ == "__main__":
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        assert client.submit(lambda number: number + 1, 41).result() == 42
    print("ok")
